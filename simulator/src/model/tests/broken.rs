use super::right_server::{RightServer, stored};
use super::{judged_after, plan, violated};
use crate::model::{Content, KnownOutcome, Told, ToldEvent};
use crate::plan::EventMaker;
use crate::server::{Outcome, TopicCount};

/// The told events of the first request that was given this outcome.
fn told_of(world: &mut RightServer, outcome: Outcome) -> &mut ToldEvent {
    let all = world.history.requests.iter_mut().filter_map(|sent| match &mut sent.outcome {
        KnownOutcome::Acknowledged(told) => Some(&mut told.events),
        _ => None,
    });
    all.flatten().find(|told| told.outcome == Some(outcome)).unwrap()
}

fn told(world: &mut RightServer, request: usize) -> &mut Told {
    match &mut world.history.requests[request].outcome {
        KnownOutcome::Acknowledged(told) => told,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_right_history_is_accepted() {
    assert_eq!(violated(&judged_after(|_| {})), Vec::<&str>::new());
}

#[test]
fn a_missing_event() {
    let checks = judged_after(|world| {
        world.observed.rows.remove(17);
    });

    assert!(violated(&checks).contains(&"acknowledged events there"));
    let check = checks.iter().find(|check| check.what == "acknowledged events there").unwrap();
    assert_eq!((check.expected.as_str(), check.found.as_str(), check.evidence.len()), ("700", "699", 1));
}

#[test]
fn an_event_that_nobody_sent() {
    let checks = judged_after(|world| {
        world.observed.strangers.push("sim-t.orders/ghost".to_owned());
    });

    assert_eq!(violated(&checks), ["events there that nobody sent"]);
}

#[test]
fn an_event_that_was_refused_and_is_there_all_the_same() {
    let checks = judged_after(|world| {
        world.history.requests[0].outcome = KnownOutcome::Refused { status: 422, detail: String::new() };
    });

    assert!(violated(&checks).contains(&"valid requests refused"));
    assert!(violated(&checks).contains(&"dropped, counted per topic"), "{checks:#?}");
}

#[test]
fn two_rows_of_one_id() {
    let checks = judged_after(|world| {
        let mut again = world.observed.rows[3].clone();
        again.position.1 += 100_000;
        world.observed.rows.push(again);
    });

    assert!(violated(&checks).contains(&"ids with more than one row"));
}

#[test]
fn a_payload_a_source_or_a_timestamp_that_changed() {
    let world = RightServer::play(plan());
    let row = world.observed.rows[5].clone();
    let right = stored(&world.plan, row.event().unwrap(), row.position);
    let topic = right.topic.clone();
    for (field, wrong) in
        [("payload", "{\"a\":1}"), ("source", "\"someone\""), ("timestamp", "\"2001-01-01T00:00:00Z\"")]
    {
        let mut altered = right.clone();
        match field {
            "payload" => altered.payload = serde_json::from_str(wrong).unwrap(),
            "source" => altered.source = serde_json::from_str(wrong).unwrap(),
            _ => altered.timestamp = serde_json::from_str(wrong).unwrap(),
        }

        let seen = world.ledger.recognise(&world.plan, &topic, &altered).unwrap();
        let checks = judged_after(|world| world.observed.rows[5] = seen);

        assert!(violated(&checks).contains(&"rows exactly as sent"), "{field}");
    }
}

#[test]
fn two_stored_verdicts_for_one_id() {
    let checks = judged_after(|world| told_of(world, Outcome::Duplicate).outcome = Some(Outcome::Stored));

    assert!(violated(&checks).contains(&"ids not called stored exactly once"));
}

#[test]
fn no_stored_verdict_where_every_copy_has_one() {
    let checks = judged_after(|world| told_of(world, Outcome::Stored).outcome = Some(Outcome::Duplicate));

    assert!(violated(&checks).contains(&"ids not called stored exactly once"));
    assert!(violated(&checks).contains(&"verdicts that agree with the rows"));
}

#[test]
fn a_stored_verdict_for_another_record_than_the_rows() {
    let checks = judged_after(|world| told_of(world, Outcome::Stored).position = Some((0, 999_999)));

    assert!(violated(&checks).contains(&"verdicts that agree with the rows"));
}

#[test]
fn a_repeat_called_a_conflict_and_a_valid_event_called_a_dead_letter() {
    for wrong in [Outcome::Conflict, Outcome::DeadLetter] {
        let checks = judged_after(|world| told_of(world, Outcome::Duplicate).outcome = Some(wrong));

        assert!(violated(&checks).contains(&"verdicts that agree with the rows"), "{wrong:?}");
    }
}

#[test]
fn one_place_in_the_log_told_to_two_records() {
    let checks = judged_after(|world| {
        let place = told(world, 0).events[0].position;
        told(world, 1).events[0].position = place;
    });

    assert!(violated(&checks).contains(&"log positions told twice"));
}

#[test]
fn counters_in_an_answer_that_do_not_add_up() {
    let world = RightServer::play(plan());
    let content = &world.plan.requests[0].content;
    let body = r#"{"received":1,"accepted":1,"unique_processed":1,"processed_count":1,"duplicate_dropped":1,"duplicates":1,"conflicts":0,"events":[]}"#;

    let wrong = Told::read(&world.plan, content, true, body.as_bytes());
    let checks = judged_after(|world| world.history.requests[0].outcome = KnownOutcome::Acknowledged(wrong));

    assert!(violated(&checks).contains(&"answers that add up"));
}

#[test]
fn a_202_that_pretends_to_know_verdicts() {
    let world = RightServer::play(plan());
    let content = &world.plan.requests[0].content;
    let sent = content.events().len();

    let honest =
        Told::read(&world.plan, content, false, format!(r#"{{"received":{sent},"accepted":{sent}}}"#).as_bytes());
    let pretending = Told::read(
        &world.plan,
        content,
        false,
        format!(r#"{{"received":{sent},"accepted":{sent},"duplicates":0}}"#).as_bytes(),
    );

    assert_eq!(honest.contradictions, Vec::<String>::new());
    assert_eq!(pretending.contradictions.len(), 1);
}

#[test]
fn topic_counters_beside_the_rows() {
    let changes: [fn(&mut TopicCount); 3] = [
        |count| count.stored += 1,
        |count| count.duplicates += 1,
        |count| {
            count.duplicates -= 1;
            count.conflicts += 1;
        },
    ];
    for change in changes {
        let checks = judged_after(|world| change(world.observed.topics.values_mut().next().unwrap()));

        assert!(violated(&checks).iter().any(|what| what.contains("counted per topic")), "{checks:#?}");
    }
}

#[test]
fn a_topic_that_is_not_counted_at_all() {
    let checks = judged_after(|world| world.observed.topics.clear());

    assert_eq!(violated(&checks), ["stored, counted per topic", "dropped, counted per topic"]);
}

#[test]
fn counters_of_the_server_one_too_high_or_low() {
    for (change, what) in [(1, "/stats received"), (-1, "/stats received")] {
        let checks = judged_after(|world| world.observed.stats.last_mut().unwrap().received += change);

        assert!(violated(&checks).contains(&what));
        assert!(violated(&checks).contains(&"/stats answers that add up"));
    }
}

#[test]
fn redelivered_records_counted_as_duplicates() {
    let checks = judged_after(|world| {
        let after = world.observed.stats.last_mut().unwrap();
        after.received += 5;
        after.duplicate_dropped += 5;
    });

    assert_eq!(violated(&checks), ["/stats received", "/stats duplicate_dropped"]);
}

#[test]
fn a_counter_that_went_back() {
    let checks = judged_after(|world| world.observed.stats[2].unique_processed = 0);

    assert!(violated(&checks).contains(&"counters that went back"));
}

#[test]
fn rows_out_of_log_order() {
    let checks = judged_after(|world| world.observed.rows.swap(1, 2));

    assert_eq!(violated(&checks), ["rows listed out of log order"]);
}

#[test]
fn the_second_of_two_contradicting_events_stored() {
    let mut plan = plan();
    let first = plan.requests[0].content.events()[0];
    let second = EventMaker::new(1, &plan.run, &plan.topics).contradiction(&plan.events[first]);
    plan.events.push(second);
    let second = plan.events.len() - 1;
    let mut late = plan.requests[0].clone();
    late.content = crate::plan::Content::Events {
        shape: crate::plan::Shape::Single,
        events: vec![second],
        pace: crate::plan::Pace::Whole,
    };
    plan.requests.push(late);
    let mut world = RightServer::play(plan);
    assert_eq!(violated(&world.judge()), Vec::<&str>::new());

    let row = world.observed.rows.iter_mut().find(|row| row.event() == Some(first)).unwrap();
    row.content = Content::Of(second);

    assert!(violated(&world.judge()).contains(&"verdicts that agree with the rows"));
}

#[test]
fn a_server_error() {
    let checks = judged_after(|world| world.history.requests[4].server_errors = 1);

    assert_eq!(violated(&checks), ["server errors other than 503"]);
}
