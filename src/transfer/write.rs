//! Centers as a file.

use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::csv_centers::CsvWriter;
use super::flatgeobuf::FlatGeobufWriter;
use super::{Format, axis};
use crate::domain::{Center, TextField};
use crate::store::{Collection, LayerWriter};
use crate::wire::{AttributeMembers, JsonId};

/// Writes centers one after the other, in any format.
///
/// Coordinates are written with every digit that is stored, times as RFC 3339 in
/// UTC. Texts are written as they are, unless [`Self::excel_safe`] says otherwise.
#[derive(Debug)]
pub struct CenterWriter<W: Write> {
    form: Form<W>,
    is_first: bool,
}

#[derive(Debug)]
enum Form<W: Write> {
    Csv(Box<CsvWriter<W>>),
    Collection(W),
    Lines(W),
    FlatGeobuf(Box<FlatGeobufWriter>, W),
    GeoPackage(Box<LayerWriter>, W),
}

impl<W: Write> CenterWriter<W> {
    /// Writes what comes before the centers of a collection.
    ///
    /// # Errors
    /// When `out` takes no more, or the format is none that is written to a stream.
    pub fn begin(mut out: W, format: Format, collection: &Collection) -> io::Result<Self> {
        let form = match format {
            Format::Csv => Form::Csv(Box::new(CsvWriter::begin(out, collection)?)),
            Format::GeoJson => {
                out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
                Form::Collection(out)
            }
            Format::GeoJsonLines => Form::Lines(out),
            Format::FlatGeobuf => {
                Form::FlatGeobuf(Box::new(FlatGeobufWriter::new(collection)?), out)
            }
            Format::GeoPackage | Format::Gpx | Format::Kml => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("{} is not written to a stream", format.name()),
                ));
            }
        };
        Ok(Self {
            form,
            is_first: true,
        })
    }

    /// The same with a `'` before texts of CSV that a spreadsheet would take for formulas.
    #[must_use]
    pub fn excel_safe(mut self) -> Self {
        if let Form::Csv(csv) = &mut self.form {
            csv.is_excel_safe = true;
        }
        self
    }

    /// Writes a center.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write(&mut self, center: &Center) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(csv) => csv.write(center)?,
            Form::Collection(out) => {
                out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
                serde_json::to_writer(out, &Feature::of(center))?;
            }
            Form::Lines(out) => {
                serde_json::to_writer(&mut *out, &Feature::of(center))?;
                out.write_all(b"\n")?;
            }
            Form::FlatGeobuf(features, _) => features.write(center)?,
            Form::GeoPackage(layer, _) => layer.write(center).map_err(io::Error::other)?,
        }
        self.is_first = false;
        Ok(())
    }

    /// Writes what comes after the centers and gives `out` back.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn finish(self) -> io::Result<W> {
        match self.form {
            Form::Csv(csv) => csv.finish(),
            Form::Collection(mut out) => {
                out.write_all(b"\n]}\n")?;
                Ok(out)
            }
            Form::Lines(out) => Ok(out),
            Form::FlatGeobuf(features, mut out) => {
                features.finish(&mut out)?;
                Ok(out)
            }
            Form::GeoPackage(layer, out) => {
                layer.finish().map_err(io::Error::other)?;
                Ok(out)
            }
        }
    }
}

impl CenterWriter<io::Sink> {
    /// Begins a `GeoPackage` in a file that is empty or not there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn geopackage(path: &Path, collection: &Collection) -> io::Result<Self> {
        let layer = LayerWriter::create(path, collection).map_err(io::Error::other)?;
        Ok(Self {
            form: Form::GeoPackage(Box::new(layer), io::sink()),
            is_first: true,
        })
    }
}

pub(super) fn time(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A center as a GeoJSON Feature (RFC 7946, section 3.2).
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
struct Feature<'a> {
    id: JsonId,
    geometry: Option<Point>,
    properties: Properties<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
struct Point {
    coordinates: [f64; 2],
}

#[derive(Debug, Serialize)]
struct Properties<'a> {
    name: &'a str,
    description: Option<&'a str>,
    address: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    website: Option<&'a str>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
    logo_url: Option<&'a str>,
    view_count: i64,
    created_at: Option<String>,
    updated_at: Option<String>,
    #[serde(flatten)]
    attributes: AttributeMembers<'a>,
}

impl<'a> Feature<'a> {
    fn of(center: &'a Center) -> Self {
        let text = |field| center.text.get(field);
        Self {
            id: center.id.into(),
            geometry: center.position.map(|position| Point {
                coordinates: axis::to_geojson(position),
            }),
            properties: Properties {
                name: &center.text.name,
                description: text(TextField::Description),
                address: text(TextField::Address),
                email: text(TextField::Email),
                phone: text(TextField::Phone),
                website: text(TextField::Website),
                country: text(TextField::Country),
                region: text(TextField::Region),
                city: text(TextField::City),
                logo_url: text(TextField::LogoUrl),
                view_count: center.view_count,
                created_at: center.created_at.as_ref().map(time),
                updated_at: center.updated_at.as_ref().map(time),
                attributes: AttributeMembers(&center.attributes),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        Attributes, CenterDraft, CenterId, CenterText, FieldKind, FieldValue, Position,
    };
    use crate::store::{Attribute, BatchItem, ColumnName};
    use crate::transfer::read::{ImportFields, ReadOptions, RowReader};

    const FORMATS: [Format; 3] = [Format::Csv, Format::GeoJson, Format::GeoJsonLines];

    fn collection() -> Collection {
        let attributes = [
            ("category", FieldKind::Text),
            ("stars", FieldKind::Number),
            ("is_open", FieldKind::Boolean),
            ("since", FieldKind::Date),
        ];
        let attributes = attributes.map(|(name, kind)| {
            let name = ColumnName::new(name).unwrap();
            Attribute::new(name.clone(), kind, name)
        });
        let centers = Collection::diving_centers();
        centers.with_attributes(attributes.into()).unwrap()
    }

    fn written(format: Format, centers: &[Center]) -> Vec<u8> {
        let mut writer = CenterWriter::begin(Vec::new(), format, &collection()).unwrap();
        for center in centers {
            writer.write(center).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(text: &[u8], format: Format) -> Vec<BatchItem> {
        let options = ReadOptions {
            format: Some(format),
            fields: ImportFields::new(collection().fields()),
            ..ReadOptions::default()
        };
        let mut reader = RowReader::open(text, &options).unwrap();
        let mut items = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            items.push(row.item.unwrap());
        }
        items
    }

    fn center(id: i64, text: CenterText, position: Option<Position>) -> Center {
        let time = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Center {
            id: CenterId::new(id).unwrap(),
            text,
            position,
            view_count: 3,
            created_at: Some(time),
            updated_at: Some(time),
            ownership_status: None,
            attributes: Attributes::new(collection().fields(), vec![None; 4]),
        }
    }

    /// Texts that file formats stumble over.
    fn nasty() -> impl Strategy<Value = String> {
        "[a,;|'\"\n\r\t=+@é€🤿\u{202e}{}\\[\\]:\\\\ ]{1,12}"
    }

    prop_compose! {
        fn any_center()(
            id in crate::domain::CHOSEN_IDS,
            name in nasty().prop_filter("a name is not blank", |name| !name.trim().is_empty()),
            [description, address, email, phone] in prop::array::uniform4(prop::option::of(nasty())),
            [country, region, city, logo_url] in prop::array::uniform4(prop::option::of(nasty())),
            position in prop::option::of((-90.0..=90.0, -180.0..=180.0)),
            category in prop::option::of(nasty()),
            stars in prop::option::of(-1e30..1e30),
            is_open in prop::option::of(any::<bool>()),
            since in prop::option::of(0_i64..700_000),
        ) -> Center {
            let text = CenterText {
                name, description, address, email, phone, website: None, country, region, city, logo_url,
            };
            let values = vec![
                category.map(FieldValue::Text),
                stars.map(FieldValue::Number),
                is_open.map(FieldValue::Boolean),
                since.and_then(FieldValue::of_day),
            ];
            let position = position.map(|(lat, lng)| Position::new(lat, lng).unwrap());
            let attributes = Attributes::new(collection().fields(), values);
            Center { attributes, ..center(id, text, position) }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(centers in prop::collection::vec(any_center(), 0..6)) {
            let expected: Vec<_> = centers
                .iter()
                .map(|center| {
                    let draft = CenterDraft::new(center.text.clone(), center.position).unwrap();
                    let said = center.attributes.values().iter().cloned().enumerate();
                    BatchItem {
                        id: Some(center.id),
                        draft: draft.with_attributes(said.collect()),
                    }
                })
                .collect();
            for format in FORMATS {
                prop_assert_eq!(&read(&written(format, &centers), format), &expected);
            }
        }
    }

    #[test]
    fn a_feature_is_as_rfc_7946_wants_it() {
        let text = CenterText {
            name: "A".to_owned(),
            ..CenterText::default()
        };
        let position = Position::new(37.983_800_01, 23.0).unwrap();
        let line = written(Format::GeoJsonLines, &[center(7, text, Some(position))]);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"type\":\"Feature\",\"id\":7,\"geometry\":{\"type\":\"Point\",\"coordinates\":[23.0,37.98380001]},\
             \"properties\":{\"name\":\"A\",\"description\":null,\"address\":null,\"email\":null,\"phone\":null,\
             \"website\":null,\"country\":null,\"region\":null,\"city\":null,\"logo_url\":null,\"view_count\":3,\
             \"created_at\":\"2023-11-14T22:13:20Z\",\"updated_at\":\"2023-11-14T22:13:20Z\",\
             \"category\":null,\"stars\":null,\"is_open\":null,\"since\":null}}\n"
        );
    }

    #[test]
    fn csv_has_every_column_and_plain_decimals() {
        let text = CenterText {
            name: "A \"quoted\", b".to_owned(),
            ..CenterText::default()
        };
        let position = Position::new(0.000_000_01, -180.0).unwrap();
        let file = written(Format::Csv, &[center(7, text, Some(position))]);
        assert_eq!(
            String::from_utf8(file).unwrap(),
            "id,name,description,address,email,phone,website,latitude,longitude,country,region,city,logo_url,\
             view_count,created_at,updated_at,category,stars,is_open,since\n\
             7,\"A \"\"quoted\"\", b\",,,,,,0.00000001,-180,,,,,3,2023-11-14T22:13:20Z,2023-11-14T22:13:20Z,,,,\n"
        );
    }

    #[test]
    fn no_text_of_an_excel_safe_file_is_a_formula() {
        for (written_as, shown) in [
            ("=1+1", "'=1+1"),
            ("+30 210", "'+30 210"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
            (" =1", " =1"),
        ] {
            let text = CenterText {
                name: written_as.to_owned(),
                phone: Some(written_as.to_owned()),
                ..CenterText::default()
            };
            let category = Some(FieldValue::Text(written_as.to_owned()));
            let values = vec![category, Some(FieldValue::Number(-1.5)), None, None];
            let position = Position::new(-1.0, -2.0).ok();
            let attributes = Attributes::new(collection().fields(), values);
            let center = Center {
                attributes,
                ..center(7, text, position)
            };
            let writer = CenterWriter::begin(Vec::new(), Format::Csv, &collection());
            let mut writer = writer.unwrap().excel_safe();
            writer.write(&center).unwrap();
            let file = writer.finish().unwrap();
            let mut records = csv::Reader::from_reader(file.as_slice());
            let record = records.records().next().unwrap().unwrap();
            let cell = |at: usize| record.get(at).unwrap();
            assert_eq!([cell(1), cell(5), cell(16)], [shown; 3]);
            assert_eq!([cell(7), cell(8), cell(17)], ["-1", "-2", "-1.5"]);
        }
    }

    #[test]
    fn no_centers_are_a_file_that_reads_back_as_none() {
        for format in FORMATS {
            assert_eq!(read(&written(format, &[]), format), []);
        }
    }
}
