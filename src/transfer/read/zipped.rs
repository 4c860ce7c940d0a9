//! What a zip file is that holds no KML.

use std::fs::File;
use std::path::Path;

use zip::ZipArchive;

use crate::transfer::Format;

/// What it is by the names of what is in it, and what to do.
pub(super) fn zip_without_kml(file: File) -> String {
    let Ok(archive) = ZipArchive::new(file) else {
        return "looks like a zip file or a spreadsheet, and is broken".to_owned();
    };
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .collect();
    let has = |name: &str| names.iter().any(|found| found == name);
    let read = |name: &&String| {
        let format = Format::of_name(Path::new(name));
        format.is_some_and(|format| Format::read().any(|read| read == format))
    };
    if has("xl/workbook.xml") || has("xl/workbook.bin") || has("content.xml") {
        "is a spreadsheet: save its sheet as CSV and import that".to_owned()
    } else if names.iter().any(|name| ends(name, "shp")) {
        "is a zipped Shapefile: `ogr2ogr -f GeoJSON NEW.geojson /vsizip/OLD.zip` makes GeoJSON of it"
            .to_owned()
    } else if let Some(name) = names.iter().find(read) {
        format!("is a zip file that holds {name}: unzip it and import that")
    } else {
        "is a zip file that holds no KML that can be read".to_owned()
    }
}

fn ends(name: &str, extension: &str) -> bool {
    let found = Path::new(name).extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
