//! The Link header (RFC 8288), as far as paging needs it.

/// The address marked `rel="next"`.
pub(super) fn next(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        let parameters = after.split_once('<').map_or(after, |(parameters, _)| parameters);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split(' ').any(|rel| rel == "next")
        });
        if is_next {
            return Some(address.to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let header = r#"</events?a=1,2>; rel="prev", </events?cursor=x;y>; title="more"; rel=next"#;

        assert_eq!(next(header).as_deref(), Some("/events?cursor=x;y"));
    }

    #[test]
    fn a_header_without_a_next_page_is_the_end() {
        assert_eq!(next(r#"</>; rel="first""#), None);
        assert_eq!(next("nonsense"), None);
    }
}
