//! What is right though it looks odd: nothing of this may be called a fault.

use super::right_server::RightServer;
use super::{judged_after, plan, violated};
use crate::model::{KnownOutcome, Others, State, Told};
use crate::scenarios::{self, Size};

fn unknown() -> KnownOutcome {
    KnownOutcome::Unknown { reason: "no answer".to_owned() }
}

#[test]
fn an_unanswered_request_may_be_kept() {
    let checks = judged_after(|world| world.history.requests[7].outcome = unknown());

    assert_eq!(violated(&checks), Vec::<&str>::new());
}

#[test]
fn an_unanswered_request_may_be_lost() {
    let mut plan = plan();
    let last = plan.requests.pop().unwrap();
    let mut world = RightServer::play(plan);
    let mut never_arrived = world.history.requests[0].clone();
    never_arrived.outcome = unknown();
    world.plan.requests.push(last);
    world.history.requests.push(never_arrived);

    assert_eq!(violated(&world.judge()), Vec::<&str>::new());
}

#[test]
fn a_retried_request_may_have_left_its_records_twice() {
    let mut world = RightServer::play(plan());
    let again = world.take(9);
    world.history.requests[9] = again;
    world.history.requests[9].uncertain = 1;
    world.observe();

    assert_eq!(violated(&world.judge()), Vec::<&str>::new());
}

#[test]
fn records_of_a_certain_request_may_not_be_there_twice() {
    let mut world = RightServer::play(plan());
    let again = world.take(9);
    world.history.requests[9] = again;
    world.observe();

    assert!(violated(&world.judge()).contains(&"dropped, counted per topic"));
}

#[test]
fn a_202_without_positions_is_an_acknowledgement() {
    let checks = judged_after(|world| world.history.requests[7].outcome = KnownOutcome::Acknowledged(Told::default()));

    assert_eq!(violated(&checks), Vec::<&str>::new());
}

#[test]
fn other_publishers_make_the_servers_counters_a_lower_bound() {
    for (others, state) in
        [(Others::Publishing, State::Held), (Others::Unknown, State::Open), (Others::Silent, State::Violated)]
    {
        let checks = judged_after(|world| {
            world.observed.others = others;
            let after = world.observed.stats.last_mut().unwrap();
            after.received += 10;
            after.unique_processed += 10;
        });

        let received = checks.iter().find(|check| check.what == "/stats received").unwrap();
        assert_eq!(received.state, state);
    }
}

#[test]
fn every_scenario_played_to_a_right_server() {
    for scenario in scenarios::ALL {
        let plan = scenario.plan(3, &"t".parse().unwrap(), Size { events: scenario.events });

        let checks = RightServer::play(plan).judge();

        assert_eq!(violated(&checks), Vec::<&str>::new(), "{}", scenario.name);
    }
}
