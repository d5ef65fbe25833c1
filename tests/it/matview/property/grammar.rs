//! Random views: every operator with a law, nested.
//!
//! Each piece has the columns `c0 bigint, c1 text, c2 bigint`, so that any piece fits any other.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::choose;

/// A query at most `depth` operators deep.
pub(super) fn view(random: &mut ChaCha8Rng, depth: usize) -> String {
    if depth == 0 || random.random_ratio(1, 8) {
        return base(random);
    }
    let x = view(random, depth - 1);
    match random.random_range(0..19) {
        0 => format!("SELECT c0, c1, c2 FROM ({x}) AS x WHERE {}", condition(random, "x")),
        1 => format!("SELECT c2 AS c0, coalesce(c1, 'none') AS c1, c0 + 1 AS c2 FROM ({x}) AS x"),
        2 => {
            let y = view(random, depth - 1);
            let word = choose(random, &["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
            format!("({x}) {word} ({y})")
        }
        3..=6 => joined(random, &x, depth),
        7..=9 => grouped(random, &x),
        10 => match random.random_ratio(1, 2) {
            true => format!("SELECT DISTINCT c0, c1, c2 FROM ({x}) AS x"),
            false => format!(
                "SELECT DISTINCT ON (c0) c0, c1, c2 FROM ({x}) AS x ORDER BY c0, c2 DESC, c1"
            ),
        },
        11..=12 => windowed(random, &x),
        13 => member(random, &x, depth),
        17 => totals(random, &x),
        18 => average(random, &x),
        14 => correlated(random, &x, depth),
        15 => {
            let y = view(random, depth - 1);
            let on = choose(random, &["c0", "c2"]);
            // DataFusion refuses a WITH inside another that has the same name.
            let (a, b) = (random.random::<u32>(), random.random::<u32>());
            format!(
                "WITH w{a} AS ({x}), w{b} AS ({y}) \
                 SELECT x.c0, y.c1, x.c2 FROM w{a} AS x, w{b} AS y WHERE x.{on} = y.{on}"
            )
        }
        _ => format!(
            "SELECT c0, c1, u AS c2 FROM (SELECT c0, c1, unnest(make_array(c2, c0)) AS u FROM ({x}) AS x) AS y"
        ),
    }
}

/// A view whose numbers depend on the order they are added in, and how they are shown.
pub(super) fn floats(random: &mut ChaCha8Rng) -> (String, &'static str) {
    let x = view(random, 2);
    let tenth = "c2 * CAST(0.1 AS double precision)";
    let query = match random.random_range(0..3) {
        0 => format!(
            "SELECT c1, CAST(sum({tenth}) OVER (PARTITION BY c1) AS double precision) AS s, c2 AS n \
             FROM ({x}) AS x"
        ),
        1 => format!(
            "SELECT c1, sum({tenth}) AS s, c0 AS n FROM ({x}) AS x GROUP BY ROLLUP (c1, c0)"
        ),
        _ => format!("SELECT c1, avg({tenth}) AS s, max(c2) AS n FROM ({x}) AS x GROUP BY c1"),
    };
    (query, "c1, n, round(CAST(s AS numeric), 6)")
}

/// A view over the views `silver.v0` and `silver.v1`, and over tables.
pub(super) fn over(random: &mut ChaCha8Rng) -> String {
    view(random, 2)
        .replace("k AS c0, name AS c1, w AS c2 FROM bronze.things", "c0, c1, c2 FROM silver.v1")
        .replace("x AS c0, g AS c1, x * 2 AS c2 FROM bronze.groups", "c0, c1, c2 FROM silver.v0")
}

/// A view with a key, as silver views are: what makes rows unique below, what they meet above.
pub(super) struct Keyed {
    pub(super) query: String,
    pub(super) key: &'static str,
    /// What rows of the view hold to; the others are kept apart.
    pub(super) holds: &'static str,
}

/// Such a view, over random ones.
pub(super) fn keyed(random: &mut ChaCha8Rng) -> Keyed {
    let (key, holds) = *choose(
        random,
        &[("c0", "c0 IS NOT NULL"), ("c0, c1", "c0 IS NOT NULL AND c1 IS NOT NULL")],
    );
    let x = view(random, 2);
    let one = match (random.random_range(0..3), key) {
        (0, "c0") => format!("SELECT c0, max(c1) AS c1, max(c2) AS c2 FROM ({x}) AS x GROUP BY c0"),
        _ => format!(
            "SELECT c0, c1, c2 FROM (SELECT c0, c1, c2, row_number() OVER (PARTITION BY {key} \
             ORDER BY c2, c1, c0) AS place FROM ({x}) AS x) AS x WHERE place = 1"
        ),
    };
    let rows = match random.random_ratio(1, 3) {
        true => format!(
            "SELECT c0, c1, c2 FROM ({one}) AS a WHERE c0 > 1 \
             UNION ALL SELECT c0, c1, c2 FROM ({one}) AS b WHERE c0 <= 1 OR c0 IS NULL"
        ),
        false => one,
    };
    let mut query = format!("SELECT f.c0, f.c1, f.c2, y.v AS c3 FROM ({rows}) AS f");
    let met = |random: &mut ChaCha8Rng, name: &str| {
        let on = choose(random, &["c0", "c1", "c2"]);
        let of = view(random, 1);
        format!(
            " LEFT JOIN (SELECT {on} AS k, max(c0) AS v FROM ({of}) AS z GROUP BY {on}) AS {name} \
             ON {name}.k = f.{on}"
        )
    };
    query += &met(random, "y");
    if random.random_ratio(1, 2) {
        query = query.replacen("y.v AS c3", "coalesce(y.v, 0) + coalesce(z.v, 0) AS c3", 1);
        query += &met(random, "z");
    }
    Keyed { query, key, holds }
}

fn base(random: &mut ChaCha8Rng) -> String {
    let from = choose(
        random,
        &[
            "SELECT k AS c0, g AS c1, v AS c2 FROM bronze.facts",
            "SELECT id AS c0, g AS c1, k AS c2 FROM bronze.facts WHERE v IS NOT NULL",
            "SELECT k AS c0, name AS c1, w AS c2 FROM bronze.things",
            "SELECT x AS c0, g AS c1, x * 2 AS c2 FROM bronze.groups",
            "SELECT k AS c0, g AS c1, v AS c2 FROM bronze.facts WHERE day >= current_date - 690",
            "SELECT id AS c0, g AS c1, v AS c2 FROM bronze.facts WHERE day BETWEEN current_date - 710 AND CAST(now() - interval '670 days' AS date)",
            "SELECT v AS c0, CASE WHEN p > 1 THEN g ELSE 'low' END AS c1, CAST(p * 100 AS bigint) AS c2 FROM bronze.facts",
        ],
    );
    (*from).to_owned()
}

fn condition(random: &mut ChaCha8Rng, of: &str) -> String {
    let number = random.random_range(-1..4);
    match random.random_range(0..5) {
        0 => format!("{of}.c0 > {number}"),
        1 => format!("{of}.c2 = {number} OR {of}.c1 = 'a'"),
        2 => format!("{of}.c1 IS NULL OR {of}.c0 <> {number}"),
        3 => format!("{of}.c1 IN ('a', 'b', 'none')"),
        _ => format!("{of}.c2 IS NOT NULL"),
    }
}

fn joined(random: &mut ChaCha8Rng, x: &str, depth: usize) -> String {
    let y = view(random, depth - 1);
    let kind = choose(random, &["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
    let on = choose(random, &["x.c0 = y.c0", "x.c1 = y.c1", "x.c0 = y.c0 AND x.c1 = y.c1"]);
    let also = match random.random_ratio(1, 3) {
        true => " AND coalesce(x.c2, 0) >= coalesce(y.c2, 1)",
        false => "",
    };
    format!("SELECT x.c0, y.c1, y.c2 FROM ({x}) AS x {kind} ({y}) AS y ON {on}{also}")
}

fn grouped(random: &mut ChaCha8Rng, x: &str) -> String {
    let number = choose(
        random,
        &[
            "count(*)",
            "count(c2)",
            "CAST(sum(c2) AS bigint)",
            "min(c2)",
            "max(c2)",
            "count(DISTINCT c2)",
            "CAST(sum(c2) FILTER (WHERE c0 > 0) AS bigint)",
            "CAST(median(c2) AS bigint)",
        ],
    );
    let text = choose(random, &["c1", "max(c1)", "min(c1)", "string_agg(c1, ',' ORDER BY c1)"]);
    let having = match random.random_ratio(1, 4) {
        true => " HAVING count(*) > 1",
        false => "",
    };
    let keys = if *text == "c1" { *choose(random, &["c0, c1", "c1"]) } else { "c0" };
    let first = if keys == "c1" { "max(c0)" } else { "c0" };
    format!(
        "SELECT {first} AS c0, {text} AS c1, {number} AS c2 FROM ({x}) AS x GROUP BY {keys}{having}"
    )
}

fn totals(random: &mut ChaCha8Rng, x: &str) -> String {
    let sets = choose(
        random,
        &[
            "ROLLUP (c0, c1)",
            "CUBE (c0, c1)",
            "GROUPING SETS ((c0, c1), (c1))",
            "GROUPING SETS ((c0), (c1), (c0))",
            "GROUPING SETS ((c1, c0), ())",
        ],
    );
    let number = choose(
        random,
        &[
            "count(*)",
            "CAST(sum(c2) AS bigint)",
            "max(c2)",
            "count(DISTINCT c2)",
            "count(*) + grouping(c1)",
        ],
    );
    format!("SELECT c0, c1, {number} AS c2 FROM ({x}) AS x GROUP BY {sets}")
}

fn average(random: &mut ChaCha8Rng, x: &str) -> String {
    let number = choose(
        random,
        &[
            "CAST(avg(c2) * 1000 AS bigint)",
            "CAST(avg(c2) FILTER (WHERE c0 > 0) * 10 AS bigint)",
            "CAST(avg(CAST(c2 AS numeric(12, 3))) * 1000 AS bigint) + count(*)",
        ],
    );
    // Large groups hold values and NULLs side by side.
    let keys = *choose(random, &["c0, c1", "c1"]);
    let first = if keys == "c1" { "max(c0)" } else { "c0" };
    format!("SELECT {first} AS c0, c1, {number} AS c2 FROM ({x}) AS x GROUP BY {keys}")
}

fn windowed(random: &mut ChaCha8Rng, x: &str) -> String {
    let by = choose(random, &["c0", "c1", "c0, c1"]);
    let function = choose(
        random,
        &[
            "row_number() OVER (PARTITION BY {by} ORDER BY c0, c1, c2)",
            "rank() OVER (PARTITION BY {by} ORDER BY c2)",
            "CAST(sum(c2) OVER (PARTITION BY {by}) AS bigint)",
            "lag(c2) OVER (PARTITION BY {by} ORDER BY c0, c1, c2)",
            "count(*) OVER (PARTITION BY {by})",
        ],
    );
    let function = function.replace("{by}", by);
    let inner = format!("SELECT c0, c1, {function} AS c2 FROM ({x}) AS x");
    match random.random_ratio(1, 2) {
        true if *by == "c1" => {
            format!("SELECT c0, c1, {function} AS c2 FROM ({x}) AS x QUALIFY {function} = 1")
        }
        true => format!("SELECT c0, c1, c2 FROM ({inner}) AS y WHERE c2 = 1"),
        false => inner,
    }
}

fn member(random: &mut ChaCha8Rng, x: &str, depth: usize) -> String {
    let y = view(random, depth - 1);
    let on = choose(random, &["c0", "c2"]);
    let which = match random.random_range(0..6) {
        0 => format!("EXISTS (SELECT 1 FROM ({y}) AS y WHERE y.{on} = x.{on})"),
        1 => format!("NOT EXISTS (SELECT 1 FROM ({y}) AS y WHERE y.{on} = x.{on})"),
        2 => format!("x.{on} IN (SELECT y.{on} FROM ({y}) AS y)"),
        3 => format!("x.{on} NOT IN (SELECT y.{on} FROM ({y}) AS y)"),
        // A NULL that comes and goes.
        4 => format!(
            "x.{on} NOT IN (SELECT nullif(y.{on}, 3) FROM ({y}) AS y WHERE y.c2 = 2 AND y.{on} IS NOT NULL)"
        ),
        _ => format!("x.{on} NOT IN (SELECT y.{on} FROM ({y}) AS y WHERE y.{on} IS NOT NULL)"),
    };
    format!("SELECT x.c0, x.c1, x.c2 FROM ({x}) AS x WHERE {which}")
}

fn correlated(random: &mut ChaCha8Rng, x: &str, depth: usize) -> String {
    let y = view(random, depth - 1);
    let value = choose(random, &["max(y.c2)", "count(*)", "min(y.c2)"]);
    format!(
        "SELECT x.c0, x.c1, (SELECT {value} FROM ({y}) AS y WHERE y.c0 = x.c0) AS c2 FROM ({x}) AS x"
    )
}
