//! Prometheus metrics, in a registry of their own, so that several applications
//! in one process (tests, benches) do not count each other's requests.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::domain::{EngineKind, unreadable_hours};
use crate::store::feed::Reason;
use crate::store::{CollectionName, Connections, Verification};

/// Bounds in seconds: answers from memory take tens of microseconds, those from
/// a database milliseconds.
const DURATION_BOUNDS_S: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5,
    10.0,
];
/// Bounds of the number of centers in an answer, up to the largest limit.
const RESULT_BOUNDS: [f64; 9] = [0.0, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 500.0, 1_000.0];

/// The methods that are told apart; all others share the last label, so that
/// clients cannot make up labels.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What verifying finds of rows.
const FAULTS: [&str; 3] = ["drift", "location_only", "out_of_range"];
const BACKFILL_OUTCOMES: [&str; 2] = ["checked", "written"];

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOperation {
    /// A center was created.
    Create,
    /// A center was replaced.
    Replace,
    /// A center was patched.
    Update,
    /// A center was deleted.
    Delete,
    /// A batch was written; counted once.
    Batch,
}

impl WriteOperation {
    const ALL: [(Self, &str); 5] = [
        (Self::Create, "create"),
        (Self::Replace, "replace"),
        (Self::Update, "update"),
        (Self::Delete, "delete"),
        (Self::Batch, "batch"),
    ];
}

/// How the memory index is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexState {
    /// Centers in it.
    pub centers: usize,
    /// When it was last loaded or followed a write; `None` before.
    pub changed_at: Option<SystemTime>,
}

/// What the application counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    results: Histogram,
    writes: WriteMetrics,
    index_centers: IntGaugeVec,
    unreadable_hours: IntGauge,
    index_last_change: IntGaugeVec,
    pool_in_use: IntGauge,
    pool_idle: IntGauge,
    rows_at_fault: IntGaugeVec,
    schema_faults: IntGaugeVec,
    last_verify: IntGaugeVec,
    backfilled: [IntCounter; BACKFILL_OUTCOMES.len()],
    mirror: OnceLock<MirrorMetrics>,
}

/// What is counted where indexes follow the feed of a database.
#[derive(Debug)]
pub struct MirrorMetrics {
    lag: Gauge,
    changes: IntCounter,
    reloads: IntCounterVec,
    swept: IntCounter,
    sweeps: IntCounter,
    mismatches: IntCounter,
}

impl MirrorMetrics {
    fn new(registry: &Registry) -> Self {
        let reloads = counters(
            registry,
            "nearby_mirror_reloads_total",
            "Loads of an index that follows the database's feed, by why; the first is the start.",
            "reason",
        );
        for reason in Reason::ALL {
            reloads.with_label_values(&[reason.name()]);
        }
        Self {
            lag: registered(
                registry,
                Gauge::new(
                    "nearby_mirror_lag_seconds",
                    "How long ago the first commit was that the indexes do not hold yet; 0 where they hold all.",
                ),
            ),
            changes: registered(
                registry,
                IntCounter::new(
                    "nearby_mirror_changes_total",
                    "Keys that the database's feed told and the indexes followed.",
                ),
            ),
            reloads,
            swept: registered(
                registry,
                IntCounter::new(
                    "nearby_mirror_swept_rows_total",
                    "Rows that were compared with the indexes.",
                ),
            ),
            sweeps: registered(
                registry,
                IntCounter::new(
                    "nearby_mirror_sweeps_total",
                    "Times that all of a table was compared with its index.",
                ),
            ),
            mismatches: registered(
                registry,
                IntCounter::new(
                    "nearby_mirror_mismatches_total",
                    "Centers of which an index did not hold what the tables say, though everything was followed that the database's feed told; they were mended.",
                ),
            ),
        }
    }

    /// A part of a table was compared with its index.
    pub fn swept(&self, rows: usize, mismatches: usize, is_last: bool) {
        self.swept.inc_by(rows as u64);
        self.mismatches.inc_by(mismatches as u64);
        self.sweeps.inc_by(u64::from(is_last));
    }

    /// So many keys were followed.
    pub fn followed(&self, keys: usize) {
        self.changes.inc_by(keys as u64);
    }

    /// An index is being loaded.
    pub fn reloading(&self, reason: Reason) {
        self.reloads.with_label_values(&[reason.name()]).inc();
    }

    /// How far the indexes are behind.
    pub fn lags(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }
}

/// What is counted of writes.
#[derive(Debug)]
struct WriteMetrics {
    committed: [IntCounter; WriteOperation::ALL.len()],
    under_way: IntGauge,
    turned_away: IntCounter,
}

impl WriteMetrics {
    fn new(registry: &Registry) -> Self {
        let committed = counters(
            registry,
            "nearby_writes_total",
            "Writes committed over HTTP.",
            "operation",
        );
        Self {
            committed: WriteOperation::ALL.map(|(_, name)| committed.with_label_values(&[name])),
            under_way: registered(
                registry,
                IntGauge::new(
                    "nearby_writes_under_way",
                    "Writes over HTTP that are under way, those that wait for others among them.",
                ),
            ),
            turned_away: registered(
                registry,
                IntCounter::new(
                    "nearby_writes_turned_away_total",
                    "Writes answered 503 at once, as too many were under way.",
                ),
            ),
        }
    }
}

fn tell_build(registry: &Registry, engine: EngineKind) {
    let build = registered(
        registry,
        IntGaugeVec::new(
            Opts::new("nearby_build_info", "The version that runs; always 1."),
            &["version", "engine"],
        ),
    );
    build
        .with_label_values(&[env!("CARGO_PKG_VERSION"), engine.name()])
        .set(1);
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Panics
    /// Never: names and labels are constants.
    #[must_use]
    pub fn new(engine: EngineKind) -> Self {
        let registry = Registry::new();
        let requests = registered(
            &registry,
            IntCounterVec::new(
                Opts::new("nearby_http_requests_total", "Requests answered.")
                    .const_label("engine", engine.name()),
                &["method", "route", "status"],
            ),
        );
        let durations = registered(
            &registry,
            HistogramVec::new(
                HistogramOpts::new(
                    "nearby_http_request_duration_seconds",
                    "Time from a request's head to its answer's head.",
                )
                .const_label("engine", engine.name())
                .buckets(DURATION_BOUNDS_S.to_vec()),
                &["method", "route", "status"],
            ),
        );
        let results = registered(
            &registry,
            Histogram::with_opts(
                HistogramOpts::new("nearby_search_results", "Centers in an answer.")
                    .buckets(RESULT_BOUNDS.to_vec()),
            ),
        );
        let index_centers = gauges(
            &registry,
            "nearby_index_centers",
            "Centers in the memory index of a collection; 0 with the sql engine.",
            &["collection"],
        );
        let hours = registered(
            &registry,
            IntGauge::new(
                "nearby_opening_times_unreadable",
                "Texts of opening hours and time zones that could not be read since the start, each counted once; rows with them are in no answer to `open`.",
            ),
        );
        let index_last_change = gauges(
            &registry,
            "nearby_index_last_change_timestamp_seconds",
            "When the index was last loaded or followed a write, as Unix time; 0 before.",
            &["collection"],
        );
        let pool = gauges(
            &registry,
            "nearby_pool_connections",
            "Open database connections.",
            &["state"],
        );
        let rows_at_fault = gauges(
            &registry,
            "nearby_fault_rows",
            "Rows at fault when this process last verified the table: drift, location without coordinates (location_only), coordinates out of range.",
            &["collection", "fault"],
        );
        let schema_faults = gauges(
            &registry,
            "nearby_schema_faults",
            "What was wrong with the table itself when this process last verified it: columns, indexes, triggers.",
            &["collection"],
        );
        let last_verify = gauges(
            &registry,
            "nearby_last_verify_timestamp_seconds",
            "When this process last verified the table, as Unix time.",
            &["collection"],
        );
        let backfilled = counters(
            &registry,
            "nearby_backfill_rows_total",
            "Rows that this process backfilled.",
            "outcome",
        );
        tell_build(&registry, engine);
        Self {
            requests,
            durations,
            results,
            writes: WriteMetrics::new(&registry),
            index_centers,
            unreadable_hours: hours,
            index_last_change,
            pool_in_use: pool.with_label_values(&["in_use"]),
            pool_idle: pool.with_label_values(&["idle"]),
            rows_at_fault,
            schema_faults,
            last_verify,
            backfilled: BACKFILL_OUTCOMES.map(|outcome| backfilled.with_label_values(&[outcome])),
            mirror: OnceLock::new(),
            registry,
        }
    }

    /// What is counted where indexes follow a feed. Where nobody asks for it, there is
    /// nothing of it in the answer.
    #[must_use]
    pub fn mirror(&self) -> &MirrorMetrics {
        self.mirror
            .get_or_init(|| MirrorMetrics::new(&self.registry))
    }

    /// What is counted of one route.
    #[must_use]
    pub fn route(&self, pattern: &'static str) -> RouteMetrics {
        RouteMetrics {
            pattern,
            requests: self.requests.clone(),
            durations: self.durations.clone(),
            children: Default::default(),
        }
    }

    /// An answer was given.
    pub fn search_answered(&self, results: usize) {
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
        self.results.observe(results as f64);
    }

    /// A write was committed.
    pub fn wrote(&self, operation: WriteOperation) {
        self.writes.committed[operation as usize].inc();
    }

    /// A write is under way until what is given is dropped.
    pub fn write_began(&self) -> WriteUnderWay {
        self.writes.under_way.inc();
        WriteUnderWay(self.writes.under_way.clone())
    }

    /// A write found no place among those that are under way.
    pub fn write_turned_away(&self) {
        self.writes.turned_away.inc();
    }

    /// The table of a collection was verified.
    pub fn verified(&self, collection: &CollectionName, found: &Verification) {
        let name = collection.as_str();
        // In the order of the labels.
        let findings = [&found.drift, &found.location_only, &found.out_of_range];
        for (fault, finding) in FAULTS.iter().zip(findings) {
            let gauge = self.rows_at_fault.with_label_values(&[name, fault]);
            gauge.set(i64::try_from(finding.count).unwrap_or(i64::MAX));
        }
        let faults = self.schema_faults.with_label_values(&[name]);
        faults.set(i64::try_from(found.schema_faults()).unwrap_or(i64::MAX));
        let last = self.last_verify.with_label_values(&[name]);
        last.set(unix_seconds(SystemTime::now()));
    }

    /// A backfill ended.
    pub fn backfilled(&self, checked: u64, written: u64) {
        // In the order of the labels.
        for (counter, rows) in self.backfilled.iter().zip([checked, written]) {
            counter.inc_by(rows);
        }
    }

    /// Everything in the Prometheus text format, with the state of every
    /// collection's index and of the pool at this moment.
    ///
    /// # Panics
    /// Never: names and labels are constants.
    #[must_use]
    pub fn render<'a>(
        &self,
        indexes: impl Iterator<Item = (&'a CollectionName, Option<IndexState>)>,
        connections: Connections,
    ) -> String {
        for (collection, index) in indexes {
            let labels = [collection.as_str()];
            let centers = self.index_centers.with_label_values(&labels);
            set(&centers, index.map_or(0, |index| index.centers));
            let changed_at = index.and_then(|index| index.changed_at);
            let last_change = self.index_last_change.with_label_values(&labels);
            last_change.set(changed_at.map_or(0, unix_seconds));
        }
        self.unreadable_hours
            .set(i64::try_from(unreadable_hours()).unwrap_or(i64::MAX));
        set(&self.pool_in_use, connections.in_use);
        set(&self.pool_idle, connections.idle);
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("metrics with constant names can always be written")
    }
}

/// A write that is under way.
#[derive(Debug)]
#[must_use]
pub struct WriteUnderWay(IntGauge);

impl Drop for WriteUnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted of one route. Labels are resolved when they are first used,
/// so that a request costs neither a hash nor a lock, and routes that nobody
/// calls take no lines.
#[derive(Debug)]
pub struct RouteMetrics {
    pattern: &'static str,
    requests: IntCounterVec,
    durations: HistogramVec,
    children: [[OnceLock<Child>; STATUS_CLASSES.len()]; METHODS.len()],
}

#[derive(Debug)]
struct Child {
    requests: IntCounter,
    duration: Histogram,
}

impl RouteMetrics {
    /// The label that requests of this route share.
    #[must_use]
    pub fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// A request was answered.
    pub fn observe(&self, method: &str, status: u16, duration: Duration) {
        let method = METHODS
            .iter()
            .position(|known| *known == method)
            .unwrap_or(METHODS.len() - 1);
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        let child = self.children[method][class].get_or_init(|| {
            let labels = [METHODS[method], self.pattern, STATUS_CLASSES[class]];
            Child {
                requests: self.requests.with_label_values(&labels),
                duration: self.durations.with_label_values(&labels),
            }
        });
        child.requests.inc();
        child.duration.observe(duration.as_secs_f64());
    }
}

fn registered<C>(registry: &Registry, metric: prometheus::Result<C>) -> C
where
    C: prometheus::core::Collector + Clone + 'static,
{
    let metric = metric.expect("names and labels are constants");
    registry
        .register(Box::new(metric.clone()))
        .expect("every name is there once");
    metric
}

/// Gauges told apart by labels.
fn gauges(
    registry: &Registry,
    name: &'static str,
    help: &'static str,
    labels: &[&str],
) -> IntGaugeVec {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

/// Counters told apart by one label.
fn counters(
    registry: &Registry,
    name: &'static str,
    help: &'static str,
    label: &'static str,
) -> IntCounterVec {
    registered(
        registry,
        IntCounterVec::new(Opts::new(name, help), &[label]),
    )
}

fn set(gauge: &IntGauge, value: usize) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(metrics: &Metrics) -> String {
        let connections = Connections { in_use: 2, idle: 3 };
        let index = IndexState {
            centers: 5,
            changed_at: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        };
        let name = CollectionName::new("centers").unwrap();
        metrics.render([(&name, Some(index))].into_iter(), connections)
    }

    #[test]
    fn requests_are_counted_by_route_method_and_status_class() {
        let metrics = Metrics::new(EngineKind::Memory);
        let route = metrics.route("/nearby");
        route.observe("GET", 200, Duration::from_micros(80));
        route.observe("GET", 204, Duration::from_micros(80));
        route.observe("BREW", 404, Duration::ZERO);
        let text = rendered(&metrics);
        for line in [
            r#"nearby_http_requests_total{engine="memory",method="GET",route="/nearby",status="2xx"} 2"#,
            r#"nearby_http_requests_total{engine="memory",method="other",route="/nearby",status="4xx"} 1"#,
            r#"nearby_http_request_duration_seconds_bucket{engine="memory",method="GET",route="/nearby",status="2xx",le="0.0001"} 2"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn index_pool_and_writes_are_told() {
        let metrics = Metrics::new(EngineKind::Sql);
        metrics.wrote(WriteOperation::Update);
        metrics.write_turned_away();
        drop(metrics.write_began());
        let _one = metrics.write_began();
        metrics.search_answered(7);
        let text = rendered(&metrics);
        for line in [
            r#"nearby_index_centers{collection="centers"} 5"#,
            r#"nearby_index_last_change_timestamp_seconds{collection="centers"} 1700000000"#,
            r#"nearby_pool_connections{state="in_use"} 2"#,
            "nearby_writes_under_way 1",
            "nearby_writes_turned_away_total 1",
            r#"nearby_writes_total{operation="update"} 1"#,
            r#"nearby_writes_total{operation="batch"} 0"#,
            r#"nearby_search_results_bucket{le="10"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn registries_are_apart() {
        let (one, other) = (
            Metrics::new(EngineKind::Memory),
            Metrics::new(EngineKind::Memory),
        );
        one.wrote(WriteOperation::Create);
        assert!(rendered(&other).contains(r#"nearby_writes_total{operation="create"} 0"#));
    }
}
