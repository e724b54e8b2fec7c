//! A group member's assignment, as Kafka's consumer protocol writes it.

/// How many partitions of `topic` an assignment names: `ConsumerProtocolAssignment` of Kafka's
/// message definitions, version 0 and above: version `i16`, then per topic its name (`i16` length)
/// and its partitions (`i32` each), both lists with an `i32` length. What can't be read names none.
pub(super) fn partitions_of(topic: &str, assignment: &[u8]) -> usize {
    read(topic, assignment).unwrap_or(0)
}

fn read(topic: &str, mut bytes: &[u8]) -> Option<usize> {
    let rest = &mut bytes;
    let _version: [u8; 2] = take(rest)?;
    let topics = i32::from_be_bytes(take(rest)?);
    let mut named = 0;
    for _ in 0..topics {
        let length = usize::try_from(i16::from_be_bytes(take(rest)?)).ok()?;
        let (name, after) = rest.split_at_checked(length)?;
        *rest = after;
        let partitions = usize::try_from(i32::from_be_bytes(take(rest)?)).ok()?;
        *rest = rest.get(partitions.checked_mul(size_of::<i32>())?..)?;
        if name == topic.as_bytes() {
            named += partitions;
        }
    }
    Some(named)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 1];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as i16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            bytes.extend(partitions.iter().flat_map(|partition| partition.to_be_bytes()));
        }
        bytes.extend((-1i32).to_be_bytes());
        bytes
    }

    #[test]
    fn partitions_of_our_topic_are_counted() {
        let bytes = assignment(&[("other", &[0, 1]), ("events", &[3, 5, 7])]);
        assert_eq!(partitions_of("events", &bytes), 3);
        assert_eq!(partitions_of("none", &bytes), 0);
    }

    #[test]
    fn what_cannot_be_read_names_no_partition() {
        let bytes = assignment(&[("events", &[3, 5, 7])]);
        for length in 0..bytes.len() - 4 {
            assert_eq!(partitions_of("events", &bytes[..length]), 0);
        }
        assert_eq!(partitions_of("events", &[0, 1, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff]), 0);
    }
}
