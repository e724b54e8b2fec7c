use super::*;

fn shown(text: &str) -> Result<String, TimestampError> {
    Timestamp::parse(text).map(|timestamp| timestamp.to_string())
}

#[track_caller]
fn assert_shown(text: &str, expected: &str) {
    assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn assert_refused(text: &str, error: TimestampError) {
    assert_eq!(shown(text), Err(error), "{text}");
}

#[test]
fn a_moment_in_utc_comes_back_as_it_went_in() {
    for text in [
        "2025-10-24T15:12:30Z",
        "2025-10-24T15:12:30.250Z",
        "2025-10-24T15:12:30.000001Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z",
    ] {
        assert_shown(text, text);
    }
}

#[test]
fn the_separator_is_t_or_a_space() {
    assert_shown("2025-10-24t15:12:30z", "2025-10-24T15:12:30Z");
    assert_shown("2025-10-24 15:12:30Z", "2025-10-24T15:12:30Z");
    assert_refused("2025-10-24_15:12:30Z", TimestampError::Form);
    assert_refused("2025-10-24  15:12:30Z", TimestampError::Form);
}

#[test]
fn seconds_may_be_absent_and_a_date_alone_is_not_enough() {
    assert_shown("2025-10-24T15:12", "2025-10-24T15:12:00Z");
    assert_shown("2025-10-24T15:12+01:00", "2025-10-24T14:12:00Z");
    assert_refused("2025-10-24", TimestampError::Form);
    assert_refused("2025-10-24T15", TimestampError::Form);
    assert_refused("2025-10-24T15:12:", TimestampError::Form);
}

#[test]
fn a_fraction_has_any_number_of_digits_and_is_cut_to_microseconds() {
    assert_shown("2025-10-24T15:12:30.5Z", "2025-10-24T15:12:30.500Z");
    assert_shown("2025-10-24T15:12:30,5Z", "2025-10-24T15:12:30.500Z");
    assert_shown("2025-10-24T15:12:30.0001Z", "2025-10-24T15:12:30.000100Z");
    assert_shown("2025-10-24T15:12:30.9999999Z", "2025-10-24T15:12:30.999999Z");
    assert_shown("2025-10-24T15:12:30.0000009Z", "2025-10-24T15:12:30Z");
    assert_refused("2025-10-24T15:12:30.Z", TimestampError::Form);
    assert_refused("2025-10-24T15:12.5Z", TimestampError::Form);
}

#[test]
fn the_zone_has_four_forms_and_none_means_utc() {
    for text in [
        "2025-10-24T15:12:30",
        "2025-10-24T22:12:30+07:00",
        "2025-10-24T22:12:30+0700",
        "2025-10-24T22:12:30+07",
        "2025-10-24T11:42:30-03:30",
        "2025-10-24T15:12:30-00:00",
    ] {
        assert_shown(text, "2025-10-24T15:12:30Z");
    }
    for text in [
        "2025-10-24T15:12:30+7",
        "2025-10-24T15:12:30+07:",
        "2025-10-24T15:12:30+07:0",
        "2025-10-24T15:12:30+07:00:00",
        "2025-10-24T15:12:30 Z",
        "2025-10-24T15:12:30 UTC",
        "2025-10-24T15:12:30ZZ",
        "2025-10-24T15:12:30\u{2212}07:00",
    ] {
        assert_refused(text, TimestampError::Form);
    }
}

#[test]
fn an_offset_ends_at_23_59() {
    assert_shown("2025-10-24T23:59:00+23:59", "2025-10-24T00:00:00Z");
    assert_refused("2025-10-24T15:12:30+24:00", TimestampError::Offset);
    assert_refused("2025-10-24T15:12:30+00:60", TimestampError::Offset);
}

#[test]
fn years_are_0001_to_9999_as_written_and_in_utc() {
    assert_shown("0001-01-01T00:00:00-07:00", "0001-01-01T07:00:00Z");
    assert_shown("9999-12-31T23:59:59+07:00", "9999-12-31T16:59:59Z");
    for text in [
        "0000-12-31T23:59:59Z",
        "0000-12-31T23:59:59-07:00",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+07:00",
        "9999-12-31T23:59:59-07:00",
    ] {
        assert_refused(text, TimestampError::Year);
    }
    assert_refused("-0001-01-01T00:00:00Z", TimestampError::Form);
    assert_refused("+2025-01-01T00:00:00Z", TimestampError::Form);
    assert_refused("25-01-01T00:00:00Z", TimestampError::Form);
}

#[test]
fn the_calendar_is_checked() {
    assert_shown("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z");
    assert_shown("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z");
    for text in [
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-01-00T00:00:00Z",
    ] {
        assert_refused(text, TimestampError::Day);
    }
}

#[test]
fn hour_24_and_second_60_are_refused() {
    for text in ["2025-10-24T24:00:00Z", "2025-10-24T23:60:00Z", "2016-12-31T23:59:60Z"] {
        assert_refused(text, TimestampError::Time);
    }
}

#[test]
fn what_is_no_timestamp_is_refused() {
    for text in [
        "",
        "now",
        " 2025-10-24T15:12:30Z",
        "2025-10-24T15:12:30Z ",
        "20251024T151230Z",
        "2025-W43-5T15:12:30Z",
        "1761318750",
        "2025-10-24T15:12:3٠Z",
    ] {
        assert_refused(text, TimestampError::Form);
    }
}

#[test]
fn a_datetime_is_cut_to_microseconds() {
    let moment = DateTime::from_timestamp(-1, 999_999_999).map(Timestamp::try_from);
    let shown = moment.map(|timestamp| timestamp.map(|timestamp| timestamp.to_string()));
    assert_eq!(shown, Some(Ok("1969-12-31T23:59:59.999999Z".to_owned())));
}

#[test]
fn a_leap_second_of_chrono_is_no_timestamp() {
    let leap = NaiveDate::from_ymd_opt(2016, 12, 31)
        .and_then(|day| day.and_hms_nano_opt(23, 59, 59, 1_500_000_000))
        .map(|moment| Timestamp::try_from(moment.and_utc()));
    assert_eq!(leap, Some(Err(TimestampError::Time)));
}
