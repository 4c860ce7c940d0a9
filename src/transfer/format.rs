//! Which formats there are and how a file's name tells them.

use std::path::Path;

use clap::ValueEnum;

/// The format of a file of centers; each may be gzipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values (RFC 4180) with a header line
    Csv,
    /// One GeoJSON `FeatureCollection` (RFC 7946)
    #[value(name = "geojson", alias = "json")]
    GeoJson,
    /// One GeoJSON Feature a line, or a GeoJSON text sequence (RFC 8142)
    #[value(name = "geojsonl", aliases = ["ndjson", "jsonl", "geojsons", "geojsonseq"])]
    GeoJsonLines,
}

impl Format {
    /// The format that a file's name stands for; `None` where it says nothing.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, extension) = name.rsplit_once('.')?;
        match extension {
            "csv" | "tsv" => Some(Self::Csv),
            "geojson" | "json" => Some(Self::GeoJson),
            "geojsonl" | "ndjson" | "jsonl" | "geojsons" | "geojsonseq" | "ndgeojson" => {
                Some(Self::GeoJsonLines)
            }
            _ => None,
        }
    }

    /// Whether a file's name says that it is gzipped.
    #[must_use]
    pub fn is_gzip_name(path: &Path) -> bool {
        path.extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_format_with_and_without_gz() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("A.CSV.GZ", Some(Format::Csv)),
            ("a.b/c.geojson", Some(Format::GeoJson)),
            ("c.json.gz", Some(Format::GeoJson)),
            ("c.geojsonl", Some(Format::GeoJsonLines)),
            ("c.ndjson.gz", Some(Format::GeoJsonLines)),
            ("c.gz", None),
            ("csv", None),
            ("a.xlsx", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
        assert!(Format::is_gzip_name(Path::new("c.csv.Gz")));
        assert!(!Format::is_gzip_name(Path::new("c.csv")));
    }
}
