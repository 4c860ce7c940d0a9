//! How much memory this process may take.

use std::fs;
use std::path::Path;

/// A kind of control groups: where they are, and the file of each that bounds its memory.
struct Kind {
    root: &'static str,
    limit: &'static str,
}

const UNIFIED: Kind = Kind {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
};
const OF_MEMORY: Kind = Kind {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
};

/// The bytes of memory of the machine, or of the control group that holds this process to
/// fewer; `None` where the system does not tell.
pub(super) fn memory_bytes() -> Option<u64> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let machine = total_of(&text("/proc/meminfo"));
    let groups = text("/proc/self/cgroup");
    let limits = groups.lines().filter_map(group).flat_map(limits);
    machine.into_iter().chain(limits).min()
}

/// The total of a `/proc/meminfo`.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The group that a line of `/proc/self/cgroup` names, where it may bound memory.
fn group(line: &str) -> Option<(Kind, &Path)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let kind = if controllers.is_empty() {
        UNIFIED
    } else if controllers.split(',').any(|one| one == "memory") {
        OF_MEMORY
    } else {
        return None;
    };
    Some((kind, Path::new(path)))
}

/// The limits of a group and of those that it is in, which bound it too.
fn limits((kind, path): (Kind, &Path)) -> impl Iterator<Item = u64> {
    path.ancestors().filter_map(move |path| {
        let within = path.strip_prefix("/").ok()?;
        let file = Path::new(kind.root).join(within).join(kind.limit);
        // It may say `max`.
        fs::read_to_string(file).ok()?.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_in_bytes() {
        let meminfo = "MemTotal:       16337408 kB\nMemFree:         1000 kB\n";
        assert_eq!(total_of(meminfo), Some(16_337_408 * 1_024));
        for odd in ["", "MemTotal: lots", "MemTotal: 5 MB", "MemFree: 5 kB"] {
            assert_eq!(total_of(odd), None, "{odd}");
        }
    }

    #[test]
    fn groups_that_may_bound_memory_are_found() {
        let found = |line| group(line).map(|(kind, path)| (kind.root, path.to_str().unwrap()));
        assert_eq!(
            found("0::/system.slice/a.service"),
            Some(("/sys/fs/cgroup", "/system.slice/a.service"))
        );
        assert_eq!(
            found("9:cpu,memory:/docker/1:2"),
            Some(("/sys/fs/cgroup/memory", "/docker/1:2"))
        );
        assert_eq!(found("8:cpu,cpuacct:/docker/1"), None);
        assert_eq!(found("odd"), None);
    }

    #[test]
    fn this_machine_has_some_memory() {
        assert!(memory_bytes().is_none_or(|bytes| bytes > 1 << 20));
    }
}
