//! Creating centers that nobody has entered yet.

use thiserror::Error;
use tokio::time::timeout;

use super::{Catalog, LONGEST_WAIT};
use crate::domain::{
    Area, Center, CenterDraft, Cursor, Filter, Limit, MAX_LIMIT, MAX_NEIGHBOURS, Neighbour, Origin,
    Radius, Search, are_alike,
};
use crate::engine::{Answer, Hit, SearchError};
use crate::store::{Apart, StoreError};
use crate::wire::name_of;

/// Why a center was not created.
#[derive(Debug, Error)]
pub enum CreateError {
    /// These are near, and called alike; the nearest first, up to
    /// [`MAX_NEIGHBOURS`].
    #[error("centers with a similar name are near")]
    Duplicate(Vec<Neighbour>),
    /// The neighbours were not found out.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// Creates a center unless another within a distance has a similar name. A
    /// center without a position is near nobody.
    ///
    /// No other write of this kind comes between looking and writing, of no instance on
    /// the same MySQL and of no process with the same embedded file.
    ///
    /// # Errors
    /// When there are such neighbours, or the engine or the database does not
    /// answer; nothing is written then.
    pub async fn create_apart(
        &self,
        draft: &CenterDraft,
        distance: Radius,
    ) -> Result<Center, CreateError> {
        // Here first: of this process only one waits for the others.
        let apart = timeout(LONGEST_WAIT, self.apart_order.lock()).await;
        let _apart = apart.map_err(|_| StoreError::Busy)?;
        let alone = self.store.lock_instances_out(LONGEST_WAIT).await?;
        // What another instance wrote while it had the lock is found.
        self.be_level().await?;
        let _turn = self.turn().await?;
        let version = *self.loaded_version.lock();
        let apart = Apart {
            distance,
            version,
            found: self.alike_within(draft, distance).await?,
        };
        let created = self.store.create_apart(draft, apart).await?;
        let created = created.map_err(CreateError::Duplicate)?;
        self.follow(std::slice::from_ref(&created)).await;
        drop(alone);
        Ok(created)
    }

    async fn alike_within(
        &self,
        draft: &CenterDraft,
        distance: Radius,
    ) -> Result<Vec<Neighbour>, SearchError> {
        let Some(position) = draft.position() else {
            return Ok(Vec::new());
        };
        let origin = Origin::new(position.latitude(), position.longitude());
        let mut search = Search {
            area: Area::around(origin.expect("a position is in range"), Some(distance)),
            limit: Limit::new(MAX_LIMIT).expect("it is the most there can be"),
            filter: Filter::default(),
            exclude: Vec::new(),
            after: None,
        };
        let mut alike = Alike {
            name: draft.text().name.clone(),
            found: Vec::new(),
            next: None,
        };
        loop {
            self.engine.search(&search, &mut alike).await?;
            search.after = alike.next.take();
            if search.after.is_none() || alike.found.len() == MAX_NEIGHBOURS {
                return Ok(alike.found);
            }
        }
    }
}

/// Keeps hits with a similar name.
struct Alike {
    name: String,
    found: Vec<Neighbour>,
    next: Option<Cursor>,
}

impl Answer for Alike {
    fn begin(&mut self, _: usize, next: Option<Cursor>) {
        self.next = next;
    }

    fn hit(&mut self, hit: Hit<'_>) {
        if self.found.len() == MAX_NEIGHBOURS {
            return;
        }
        let name = name_of(hit.rendered).expect("engines hold what render_summary wrote");
        if are_alike(&self.name, &name) {
            self.found.push(Neighbour {
                id: hit.id,
                name: name.into_owned(),
                distance_m: hit
                    .distance_m
                    .expect("searches around an origin measure distances"),
            });
        }
    }
}
