//! What the server says of itself: every key of the specification, each in its type.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, UnionArray};
use arrow::datatypes::{Int32Type, Int64Type, UInt32Type};
use arrow_flight::sql::{CommandGetSqlInfo, SqlInfo};

use super::served;

/// Keys by the member of the union that the specification gives them.
const TEXTS: &[u32] = &[0, 1, 2, 6, 7, 504, 513, 514, 529, 530, 531];
const BOOLS: &[u32] = &[
    3, 4, 5, 9, 10, 11, 500, 501, 502, 506, 515, 516, 518, 519, 520, 521, 523, 524, 527, 532, 536,
    537, 539, 556, 563, 565, 566, 572, 573, 574, 575, 576,
];
const BIGINTS: &[u32] = &[
    541, 542, 543, 544, 545, 546, 547, 548, 549, 550, 551, 552, 553, 554, 555, 557, 558, 559, 560,
    561,
];
const INTS: &[u32] = &[
    8, 100, 101, 503, 505, 507, 522, 525, 526, 528, 533, 534, 535, 538, 540, 562, 564, 567, 568,
    569, 570, 571,
];
const LISTS: &[u32] = &[508, 509, 510, 511, 512];
const MAPS: &[u32] = &[517];

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_answered_in_its_type() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let (_, batches) = client.listed(&CommandGetSqlInfo::default()).await;
    let names = batches[0].column(0).as_primitive::<UInt32Type>();
    let values = batches[0].column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    let members: BTreeMap<u32, i8> =
        (0..names.len()).map(|row| (names.value(row), values.type_id(row))).collect();
    let expected: BTreeMap<u32, i8> = [TEXTS, BOOLS, BIGINTS, INTS, LISTS, MAPS]
        .iter()
        .zip(0_i8..)
        .flat_map(|(keys, member)| keys.iter().map(move |key| (*key, member)))
        .collect();
    assert_eq!(members, expected);
    // The list is complete: the crate knows no other key.
    let known = (0..1000).filter(|key| SqlInfo::try_from(*key).is_ok()).count();
    assert_eq!(expected.len(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_answered_as_asked_and_unknown_ones_not_at_all() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let asked = CommandGetSqlInfo { info: vec![8, 0, 99_999] };
    let (_, batches) = client.listed(&asked).await;
    let names = batches[0].column(0).as_primitive::<UInt32Type>().values().to_vec();
    assert_eq!(names.len(), 2, "{names:?}");
    let values = batches[0].column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    for (row, name) in names.iter().enumerate() {
        let value = values.value(row);
        match name {
            0 => assert_eq!(value.as_string::<i32>().value(0), "Lakeport"),
            _ => assert_eq!(value.as_primitive::<Int32Type>().value(0), 1),
        }
    }
    let (_, limits) = client.listed(&CommandGetSqlInfo { info: vec![549] }).await;
    let values = limits[0].column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    assert_eq!(values.value(0).as_primitive::<Int64Type>().value(0), 256);
}
