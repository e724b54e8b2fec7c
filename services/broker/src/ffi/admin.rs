//! Questions about topic, cluster and group.

use std::collections::HashMap;
use std::ffi::CString;
use std::ptr;
use std::slice;
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
pub(crate) use sys::rd_kafka_AclOperation_t as AclOperation;
use sys::rd_kafka_admin_op_t as Op;

use super::native::{NO_ERROR, Native, millis, text};
use crate::error::BrokerError;

/// What the cluster says of a topic now; nothing of it comes from a cache.
pub(crate) struct TopicDescription {
    /// Base64 as Kafka's own tools print it; none where the cluster has no ids.
    pub(crate) id: Option<String>,
    pub(crate) partitions: i32,
    /// What we may do with it; none where it was not asked for, or the broker does not tell.
    pub(crate) operations: Option<Vec<AclOperation>>,
}

/// `DescribeTopics`: none where there is no such topic.
pub(crate) fn describe_topic<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<Option<TopicDescription>, BrokerError> {
    describe_by(&Call::new(client, Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout), topic)
}

/// The same, and what we may do with the topic.
pub(crate) fn describe_topic_with_operations<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<Option<TopicDescription>, BrokerError> {
    let call = Call::new(client, Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout);
    call.include_operations();
    describe_by(&call, topic)
}

fn describe_by(call: &Call, topic: &str) -> Result<Option<TopicDescription>, BrokerError> {
    const DOING: &str = "describing the topic";
    let name = c_string(topic)?;
    // SAFETY: the collection copies the names and is destroyed after the call, which
    // copies it in turn; client, options and queue live in `call`.
    unsafe {
        let mut names = [name.as_ptr()];
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        sys::rd_kafka_DescribeTopics(call.client, topics, call.options, call.queue);
        sys::rd_kafka_TopicCollection_destroy(topics);
    }
    let event = call.answer(DOING)?;
    // SAFETY: the event is of the type that was asked for (`answer` saw no error), its
    // parts live as long as it, and null pointers are checked before they are read.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 {
            return Ok(None);
        }
        let topic = *topics;
        match error_code(sys::rd_kafka_TopicDescription_error(topic)) {
            RDKafkaErrorCode::NoError => {}
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                return Ok(None);
            }
            code => return Err(BrokerError::from_code(DOING, code)),
        }
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        Ok(Some(TopicDescription {
            id: topic_id(sys::rd_kafka_TopicDescription_topic_id(topic)),
            partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
            operations: operations(|count| sys::rd_kafka_TopicDescription_authorized_operations(topic, count)),
        }))
    }
}

/// `DescribeConsumerGroups`: what we may do with a group, whether or not it has members.
///
/// librdkafka 2.12 aborts the process when the answer to its coordinator look-up comes after the
/// request has timed out. So this request is given longer than `patience`, which is what we wait, and
/// longer than the process may live: only for commands that end by themselves.
pub(crate) fn group_operations<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    patience: Duration,
) -> Result<Option<Vec<AclOperation>>, BrokerError> {
    const DOING: &str = "describing the consumer group";
    const NEVER: Duration = Duration::from_mins(30);
    let name = c_string(group)?;
    let mut call = Call::new(client, Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, NEVER);
    call.timeout = patience;
    call.include_operations();
    // SAFETY: the names are copied by the call; client, options and queue live in `call`.
    unsafe {
        let mut names = [name.as_ptr()];
        sys::rd_kafka_DescribeConsumerGroups(call.client, names.as_mut_ptr(), 1, call.options, call.queue);
    }
    let event = call.answer(DOING)?;
    // SAFETY: the event is of the type that was asked for, its parts live as long as it, and an
    // empty list is not read.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event.0);
        let mut count = 0;
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if count == 0 {
            return Ok(None);
        }
        let group = *groups;
        match error_code(sys::rd_kafka_ConsumerGroupDescription_error(group)) {
            RDKafkaErrorCode::NoError => {}
            code => return Err(BrokerError::from_code(DOING, code)),
        }
        Ok(operations(|count| sys::rd_kafka_ConsumerGroupDescription_authorized_operations(group, count)))
    }
}

/// Copies a list of operations; none where the broker has not told.
///
/// # Safety
/// `list` gives null, or a list of as many as it says, which is alive during the call.
unsafe fn operations(list: impl FnOnce(*mut usize) -> *const AclOperation) -> Option<Vec<AclOperation>> {
    let mut count = 0;
    let list = list(&raw mut count);
    // SAFETY: by the contract above.
    (!list.is_null()).then(|| unsafe { slice::from_raw_parts(list, count) }.to_vec())
}

/// `DescribeCluster`: the cluster's id. librdkafka's own copy of it would be the
/// one of the cluster that answered first.
pub(crate) fn cluster_id<C: ClientContext>(client: &Client<C>, timeout: Duration) -> Result<String, BrokerError> {
    const DOING: &str = "asking for the cluster's id";
    let call = Call::new(client, Op::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, timeout);
    // SAFETY: client, options and queue live in `call`.
    unsafe { sys::rd_kafka_DescribeCluster(call.client, call.options, call.queue) };
    let event = call.answer(DOING)?;
    // SAFETY: the event is of the type that was asked for, and the id lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeCluster_result(event.0);
        Ok(text(sys::rd_kafka_DescribeCluster_result_cluster_id(result)))
    }
}

/// Whether offsets are told as they are, or up to where the first open transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Open transactions included.
    Uncommitted,
    /// Up to the first of them: the last stable offset.
    Committed,
}

/// `ListOffsets`: one offset of each of these partitions, in their order, or why the broker does not tell it.
pub(crate) fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    (topic, partitions): (&str, &[i32]),
    (which, isolation): (Offset, Isolation),
    timeout: Duration,
) -> Result<Vec<Result<i64, RDKafkaErrorCode>>, BrokerError> {
    const DOING: &str = "asking for the log's ends";
    let failed = |error| BrokerError::from_kafka(DOING, &error);
    let call = Call::new(client, Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout);
    call.isolate(isolation);
    let mut question = TopicPartitionList::with_capacity(partitions.len());
    for &partition in partitions {
        question.add_partition_offset(topic, partition, which).map_err(failed)?;
    }
    // SAFETY: the call copies the list; client, options and queue live in `call`.
    unsafe { sys::rd_kafka_ListOffsets(call.client, question.ptr(), call.options, call.queue) };
    let event = call.answer(DOING)?;
    let mut told: HashMap<i32, Result<i64, RDKafkaErrorCode>> = HashMap::with_capacity(partitions.len());
    // SAFETY: the event is of the type that was asked for (`answer` saw no error), and its parts live as long
    // as it; an empty list is not read, and null is checked.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event.0);
        let mut count = 0;
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        let infos = if infos.is_null() { &[][..] } else { slice::from_raw_parts(infos, count) };
        for &info in infos {
            let Some(of) = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info).as_ref() else { continue };
            let offset = match RDKafkaErrorCode::from(of.err) {
                RDKafkaErrorCode::NoError if of.offset >= 0 => Ok(of.offset),
                // Its broker was not reached.
                RDKafkaErrorCode::NoError => Err(RDKafkaErrorCode::OperationTimedOut),
                code => Err(code),
            };
            told.insert(of.partition, offset);
        }
    }
    let of = |partition| told.remove(partition).unwrap_or(Err(RDKafkaErrorCode::OperationTimedOut));
    Ok(partitions.iter().map(of).collect())
}

/// One admin request on its way: its options, and the queue for its answer.
struct Call {
    client: *mut sys::rd_kafka_t,
    options: *mut sys::rd_kafka_AdminOptions_t,
    queue: *mut sys::rd_kafka_queue_t,
    timeout: Duration,
}

impl Call {
    fn new<C: ClientContext>(client: &Client<C>, operation: Op, timeout: Duration) -> Self {
        let client = client.native_ptr();
        // SAFETY: the client outlives the call, since every function of this file
        // borrows it until it returns; a timeout within librdkafka's range is taken.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client, operation);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, millis(timeout), ptr::null_mut(), 0);
            Self { client, options, queue: sys::rd_kafka_queue_new(client), timeout }
        }
    }

    /// Asks for what we may do, too.
    fn include_operations(&self) {
        // SAFETY: the options are ours until `self` is dropped; an error is given only for a request
        // that has no such option, and is destroyed once.
        unsafe {
            let error = sys::rd_kafka_AdminOptions_set_include_authorized_operations(self.options, 1);
            if !error.is_null() {
                sys::rd_kafka_error_destroy(error);
            }
        }
    }

    fn isolate(&self, isolation: Isolation) {
        let level = match isolation {
            Isolation::Uncommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
            Isolation::Committed => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
        };
        // SAFETY: as above.
        unsafe {
            let error = sys::rd_kafka_AdminOptions_set_isolation_level(self.options, level);
            if !error.is_null() {
                sys::rd_kafka_error_destroy(error);
            }
        }
    }

    /// Waits for the answer. The queue's own limit lies a little above the
    /// request's, so that the request's error, which says more, comes first.
    fn answer(&self, doing: &'static str) -> Result<Native, BrokerError> {
        let patience = self.timeout + Duration::from_millis(250);
        // SAFETY: the queue is ours until `self` is dropped.
        let event = Native(unsafe { sys::rd_kafka_queue_poll(self.queue, millis(patience)) });
        if event.0.is_null() {
            return Err(BrokerError::timed_out(doing, self.timeout));
        }
        // SAFETY: the event is not null and ours.
        let code = unsafe { sys::rd_kafka_event_error(event.0) };
        if code == NO_ERROR { Ok(event) } else { Err(BrokerError::from_code(doing, code.into())) }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: both were created in `new` and are destroyed once; an answer that
        // comes later is discarded by librdkafka with the queue.
        unsafe {
            sys::rd_kafka_queue_destroy(self.queue);
            sys::rd_kafka_AdminOptions_destroy(self.options);
        }
    }
}

/// # Safety
/// `error` is null or points to an error whose event is still alive.
unsafe fn error_code(error: *const sys::rd_kafka_error_t) -> RDKafkaErrorCode {
    if error.is_null() {
        return RDKafkaErrorCode::NoError;
    }
    // SAFETY: by the contract above.
    unsafe { sys::rd_kafka_error_code(error) }.into()
}

/// # Safety
/// `id` is null or points to a topic id whose event is still alive.
unsafe fn topic_id(id: *const sys::rd_kafka_Uuid_t) -> Option<String> {
    if id.is_null() {
        return None;
    }
    // SAFETY: by the contract above; the string lives inside the id.
    unsafe {
        let zero =
            sys::rd_kafka_Uuid_most_significant_bits(id) == 0 && sys::rd_kafka_Uuid_least_significant_bits(id) == 0;
        if zero { None } else { Some(text(sys::rd_kafka_Uuid_base64str(id))) }
    }
}

fn c_string(name: &str) -> Result<CString, BrokerError> {
    CString::new(name)
        .map_err(|_| BrokerError::Settings { reason: format!("the name {name:?} contains a NUL character") })
}
