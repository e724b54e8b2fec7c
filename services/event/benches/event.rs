//! What an event costs before and behind the log: reading a request, reading a record, writing one.
//!
//! `cargo bench --bench event`. Where times are unsteady, count instructions:
//! `valgrind --tool=callgrind target/release/deps/event-… --bench --profile-time 1`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use event::{Event, Payload, Timestamp, body};

const PAYLOAD: &str = r#"{"order":"0a1b2c3d","customer":{"name":"Ada Example","city":"Lisbon"},"items":[{"sku":"A-1001","quantity":2,"price":12.5},{"sku":"B-0a1b2c3d","quantity":1,"price":7.25}],"paid":true}"#;

fn event() -> String {
    format!(
        r#"{{"topic":"orders","event_id":"0a1b2c3d4e5f60718293a4b5c6d7e8f9","timestamp":"2026-01-05T08:00:00.250Z","source":"bench-shop","payload":{PAYLOAD}}}"#
    )
}

fn reading(bencher: &mut Criterion) {
    let (one, batch) = (event(), format!("[{}]", vec![event(); 100].join(",")));
    let mut group = bencher.benchmark_group("read");
    group.throughput(Throughput::Bytes(one.len() as u64));
    group.bench_function("a record", |b| b.iter(|| Event::parse(black_box(one.as_bytes()))));
    group.bench_function("a request of one", |b| b.iter(|| body::parse(black_box(one.as_bytes()), 10_000)));
    group.throughput(Throughput::Bytes(batch.len() as u64));
    group.bench_function("a request of 100", |b| b.iter(|| body::parse(black_box(batch.as_bytes()), 10_000)));
    group.finish();
}

fn checking(bencher: &mut Criterion) {
    let mut group = bencher.benchmark_group("check");
    group.throughput(Throughput::Bytes(PAYLOAD.len() as u64));
    group.bench_function("a payload", |b| b.iter(|| Payload::parse(black_box(PAYLOAD))));
    group.bench_function("a timestamp", |b| b.iter(|| Timestamp::parse(black_box("2026-01-05T08:00:00.250+07:00"))));
    group.finish();
}

fn writing(bencher: &mut Criterion) {
    let Ok(event) = Event::parse(event().as_bytes()) else { return };
    bencher.bench_function("encode", |b| b.iter(|| black_box(&event).encode()));
}

criterion_group!(benches, reading, checking, writing);
criterion_main!(benches);
