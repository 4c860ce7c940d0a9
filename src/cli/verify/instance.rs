//! A running instance, asked over HTTP for all that its index holds.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use url::Url;

use crate::domain::CenterId;
use crate::store::Collection;
use crate::wire::JsonId;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How often an instance is asked that has too much to do, and the rest before each time.
const TRIES: u32 = 10;
const REST: Duration = Duration::from_millis(500);
/// Centers of a page.
const PAGE: &str = "1000";
/// The largest answer that is read.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// An instance, and the collection that it is asked for.
pub(super) struct Instance {
    agent: ureq::Agent,
    base: Url,
    collection: String,
}

/// Centers by their ids, and the cursor to those that follow.
pub(super) struct Page {
    centers: BTreeMap<CenterId, Map<String, Value>>,
    pub next: Option<String>,
}

impl Page {
    pub fn centers(&self) -> &BTreeMap<CenterId, Map<String, Value>> {
        &self.centers
    }

    /// The last id, where more follow.
    pub fn end(&self) -> Option<CenterId> {
        self.next.as_ref()?;
        self.centers.keys().next_back().copied()
    }

    /// Adds the page that follows.
    pub fn append(&mut self, next: Self) {
        self.centers.extend(next.centers);
        self.next = next.next;
    }

    fn of(answer: &Value) -> Option<Self> {
        let centers = answer["centers"].as_array()?.iter().map(|center| {
            let JsonId(id) = serde_json::from_value(center["id"].clone()).ok()?;
            Some((CenterId::new(id)?, center.as_object()?.clone()))
        });
        Some(Self {
            centers: centers.collect::<Option<_>>()?,
            next: answer["next"].as_str().map(str::to_owned),
        })
    }
}

impl Instance {
    /// The instance at a URL, which may have a path.
    pub(super) fn at(url: &str, collection: &Collection) -> anyhow::Result<Self> {
        let advice = "write http://HOST:PORT of a running instance, as in http://127.0.0.1:8080";
        let mut base = Url::parse(url).with_context(|| format!("--mirror {url}: {advice}"))?;
        if base.scheme() != "http" {
            bail!("--mirror {url}: {advice}; an instance behind TLS is asked where it listens");
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.set_query(None);
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Ok(Self {
            agent: agent.into(),
            base,
            collection: collection.name.as_str().to_owned(),
        })
    }

    /// How far it is behind.
    ///
    /// # Errors
    /// When it does not answer, is not ready, or is no instance that mirrors a database.
    pub(super) async fn lag(&self) -> anyhow::Result<Duration> {
        let url = self.base.join("readyz")?;
        let (status, answer) = self.get(&url).await?;
        let is_ready = status == 200 && answer["status"] == "ready";
        if status == 503 && answer["code"].is_string() {
            bail!("{} is not ready: {}", self.base, detail(&answer));
        }
        if !is_ready {
            bail!("{url} answers as no nearby does (status {status}): is this its address?");
        }
        let Some(lag_s) = answer["mirror_lag_s"].as_f64() else {
            bail!(
                "{} mirrors no database: it asks the database by SQL, or has an embedded file; \
                 `nearby serve --engine memory` on MySQL is what can be compared",
                self.base
            );
        };
        Ok(Duration::try_from_secs_f64(lag_s)?)
    }

    /// A page of the centers that its index holds, by id; all, or those of an organization.
    ///
    /// # Errors
    /// When it does not answer, or not with centers.
    pub(super) async fn page(
        &self,
        organization: Option<&str>,
        cursor: Option<&str>,
    ) -> anyhow::Result<Page> {
        let mut url = self.base.join("collections/")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&self.collection).push("within");
        }
        url.query_pairs_mut()
            .append_pair("bbox", "-180,-90,180,90")
            .append_pair("limit", PAGE)
            .extend_pairs(organization.map(|name| ("organization", name)))
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let mut tries = 0;
        let (status, answer) = loop {
            let (status, answer) = self.get(&url).await?;
            tries += 1;
            if status != 503 || tries == TRIES {
                break (status, answer);
            }
            tokio::time::sleep(REST).await;
        };
        match (status, Page::of(&answer)) {
            (200, Some(page)) => Ok(page),
            (404, _) => bail!(
                "{} serves no collection {}: {}",
                self.base,
                self.collection,
                detail(&answer)
            ),
            _ => bail!(
                "{} answers {status} to {url}: {}",
                self.base,
                detail(&answer)
            ),
        }
    }

    /// The status and the JSON of an answer; null where it is none.
    async fn get(&self, url: &Url) -> anyhow::Result<(u16, Value)> {
        let (agent, asked) = (self.agent.clone(), url.to_string());
        let asking = spawn_blocking(move || {
            let mut answer = agent.get(&asked).call()?;
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(MOST_BYTES);
            Ok::<_, ureq::Error>((status, body.read_to_vec()?))
        });
        let (status, body) = asking
            .await?
            .with_context(|| format!("{} does not answer", self.base))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

/// What a problem says.
fn detail(answer: &Value) -> &str {
    answer["detail"].as_str().unwrap_or("it does not say why")
}
