//! Where the files are that Divemap keeps: it stores the path of a logo only.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// What paths in Divemap's bucket begin with.
const IN_BUCKET: [&str; 3] = ["user_", "centers/", "avatars/"];
/// Where Divemap itself serves all others.
const UPLOADS: &str = "uploads/";

/// Where Divemap's bucket is served: what it calls `R2_PUBLIC_DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaUrl(String);

impl FromStr for MediaUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let is_plain = url.query().is_none() && url.fragment().is_none();
        if !(matches!(url.scheme(), "http" | "https") && is_plain) {
            return Err("write the address of a folder, as https://media.example/".to_owned());
        }
        Ok(Self(format!("{}/", url.as_str().trim_end_matches('/'))))
    }
}

impl fmt::Display for MediaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole address of a stored path, as Divemap gives it: what is whole already stays
/// as it is, and an empty path is no logo.
pub(super) fn full_url(media: Option<&MediaUrl>, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let is_whole =
        path.starts_with('/') || path.starts_with("http://") || path.starts_with("https://");
    if is_whole {
        return Some(path.to_owned());
    }
    let is_in_bucket = IN_BUCKET.iter().any(|folder| path.starts_with(folder));
    Some(match media.filter(|_| is_in_bucket) {
        Some(MediaUrl(media)) => format!("{media}{path}"),
        None if path.starts_with(UPLOADS) => format!("/{path}"),
        None => format!("/{UPLOADS}{path}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_whole_as_divemap_does() {
        let media: MediaUrl = "https://media.example/d".parse().expect("an address");
        for (path, without, with) in [
            (
                "centers/7/l.png",
                "/uploads/centers/7/l.png",
                "https://media.example/d/centers/7/l.png",
            ),
            (
                "user_3/l.png",
                "/uploads/user_3/l.png",
                "https://media.example/d/user_3/l.png",
            ),
            (
                "uploads/user_1/l.png",
                "/uploads/user_1/l.png",
                "/uploads/user_1/l.png",
            ),
            ("l.png", "/uploads/l.png", "/uploads/l.png"),
            (
                "https://a.example/l",
                "https://a.example/l",
                "https://a.example/l",
            ),
            ("/l.png", "/l.png", "/l.png"),
        ] {
            assert_eq!(full_url(None, path).as_deref(), Some(without));
            assert_eq!(full_url(Some(&media), path).as_deref(), Some(with));
            assert_eq!(full_url(Some(&media), ""), None);
        }
        for bad in [
            "",
            "media.example",
            "ftp://media.example",
            "https://media.example/?a",
        ] {
            assert!(bad.parse::<MediaUrl>().is_err(), "{bad}");
        }
    }
}
