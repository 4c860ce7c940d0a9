//! Which formats there are: the one table that reading, writing, names of files,
//! `--format` and the messages follow.

use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// The format of a file of centers; each may be gzipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180) with a header line.
    Csv,
    /// One GeoJSON `FeatureCollection` (RFC 7946), or a list of Features.
    GeoJson,
    /// One GeoJSON Feature a line, or a GeoJSON text sequence (RFC 8142).
    GeoJsonLines,
    /// A layer of points of an OGC `GeoPackage`.
    GeoPackage,
    /// `FlatGeobuf`.
    FlatGeobuf,
    /// Waypoints of the GPS Exchange Format.
    Gpx,
    /// Placemarks of the Keyhole Markup Language, zipped or not.
    Kml,
}

/// What is to be known of a format.
#[derive(Debug)]
struct Facts {
    /// What `--format` calls it.
    name: &'static str,
    /// Other names for the same.
    aliases: &'static [&'static str],
    /// How names of files end.
    extensions: &'static [&'static str],
    about: &'static str,
    is_read: bool,
    is_written: bool,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Csv,
        Self::GeoJson,
        Self::GeoJsonLines,
        Self::GeoPackage,
        Self::FlatGeobuf,
        Self::Gpx,
        Self::Kml,
    ];

    fn facts(self) -> &'static Facts {
        match self {
            Self::Csv => &Facts {
                name: "csv",
                aliases: &[],
                extensions: &["csv", "tsv"],
                about: "Comma-separated values (RFC 4180) with a header line",
                is_read: true,
                is_written: true,
            },
            Self::GeoJson => &Facts {
                name: "geojson",
                aliases: &["json"],
                extensions: &["geojson", "json"],
                about: "One GeoJSON FeatureCollection (RFC 7946)",
                is_read: true,
                is_written: true,
            },
            Self::GeoJsonLines => &Facts {
                name: "geojsonl",
                aliases: &["ndjson", "jsonl", "geojsons", "geojsonseq"],
                extensions: &[
                    "geojsonl",
                    "ndjson",
                    "jsonl",
                    "geojsons",
                    "geojsonseq",
                    "ndgeojson",
                ],
                about: "One GeoJSON Feature a line, or a GeoJSON text sequence (RFC 8142)",
                is_read: true,
                is_written: true,
            },
            Self::GeoPackage => &Facts {
                name: "geopackage",
                aliases: &["gpkg"],
                extensions: &["gpkg"],
                about: "A layer of points of a GeoPackage",
                is_read: true,
                is_written: true,
            },
            Self::FlatGeobuf => &Facts {
                name: "flatgeobuf",
                aliases: &["fgb"],
                extensions: &["fgb"],
                about: "FlatGeobuf",
                is_read: false,
                is_written: true,
            },
            Self::Gpx => &Facts {
                name: "gpx",
                aliases: &[],
                extensions: &["gpx"],
                about: "Waypoints of a GPX file",
                is_read: true,
                is_written: false,
            },
            Self::Kml => &Facts {
                name: "kml",
                aliases: &["kmz"],
                extensions: &["kml", "kmz"],
                about: "Placemarks of a KML file, zipped (KMZ) or not",
                is_read: true,
                is_written: false,
            },
        }
    }

    /// What `--format` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Those that an import reads.
    pub fn read() -> impl Iterator<Item = Self> + Clone {
        Self::ALL
            .into_iter()
            .filter(|format| format.facts().is_read)
    }

    /// Those that an export writes.
    pub fn written() -> impl Iterator<Item = Self> + Clone {
        Self::ALL
            .into_iter()
            .filter(|format| format.facts().is_written)
    }

    /// How names of files end that hold one of these formats, for a message.
    #[must_use]
    pub fn extensions(formats: impl Iterator<Item = Self>) -> String {
        let extensions: Vec<String> = formats
            .map(|format| format!(".{}", format.facts().extensions[0]))
            .collect();
        match extensions.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => extensions.concat(),
        }
    }

    /// Takes `--format` of one of these formats.
    pub fn parser(formats: impl Iterator<Item = Self>) -> impl TypedValueParser<Value = Self> {
        let values = formats.map(|format| {
            let facts = format.facts();
            PossibleValue::new(facts.name)
                .aliases(facts.aliases)
                .help(facts.about)
        });
        PossibleValuesParser::new(values).try_map(|name| {
            Self::ALL
                .into_iter()
                .find(|format| {
                    let facts = format.facts();
                    facts.name == name || facts.aliases.contains(&name.as_str())
                })
                .ok_or("no such format")
        })
    }

    /// The format that a file's name stands for; `None` where it says nothing.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, extension) = name.rsplit_once('.')?;
        Self::ALL
            .into_iter()
            .find(|format| format.facts().extensions.contains(&extension))
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
            ("c.gpkg", Some(Format::GeoPackage)),
            ("c.fgb", Some(Format::FlatGeobuf)),
            ("c.gpx.gz", Some(Format::Gpx)),
            ("C.KMZ", Some(Format::Kml)),
            ("c.gz", None),
            ("csv", None),
            ("a.xlsx", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
        assert!(Format::is_gzip_name(Path::new("c.csv.Gz")));
        assert!(!Format::is_gzip_name(Path::new("c.csv")));
    }

    #[test]
    fn no_name_stands_for_two_formats() {
        let mut names: Vec<&str> = Format::ALL
            .into_iter()
            .flat_map(|format| {
                let facts = format.facts();
                [facts.name]
                    .into_iter()
                    .chain(facts.aliases.iter().copied())
            })
            .collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
    }
}
