//! EXPLAIN in the shapes that tools know from Postgres.

use crate::support::{Deployment, text_rows};

async fn lines(client: &tokio_postgres::Client, sql: &str) -> Vec<String> {
    let rows = text_rows(client, sql).await.unwrap();
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

const QUERY: &str = "SELECT a, count(*) FROM public.t WHERE a > 1 GROUP BY a ORDER BY 2 DESC";

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_trees_of_steps_with_postgres_names() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client.batch_execute("CREATE TABLE public.t (a int, b text)").await.unwrap();
    client.batch_execute("INSERT INTO public.t VALUES (1, 'x'), (2, 'y'), (2, 'z')").await.unwrap();

    let plan = lines(&client, &format!("EXPLAIN (COSTS off) {QUERY}")).await;
    let text = plan.join("\n");
    for step in ["Sort Key: ", "HashAggregate", "Group Key: a", "->  ", "Seq Scan"] {
        assert!(text.contains(step), "no {step} in\n{text}");
    }
    assert!(!text.contains("cost=") && !text.contains("Exec"), "{text}");
    let plan = lines(&client, &format!("EXPLAIN {QUERY}")).await;
    let shape =
        regex::Regex::new(r"^\S.*  \(cost=\d+\.\d\d\.\.\d+\.\d\d rows=\d+ width=\d+\)$").unwrap();
    assert!(shape.is_match(&plan[0]), "{}", plan[0]);

    let ran = lines(&client, &format!("EXPLAIN ANALYZE {QUERY}")).await.join("\n");
    for part in ["(actual time=", "rows=1 loops=1)", "Planning Time: ", "Execution Time: "] {
        assert!(ran.contains(part), "no {part} in\n{ran}");
    }

    let rows = lines(&client, &format!("EXPLAIN (ANALYZE, FORMAT JSON) {QUERY}")).await;
    let json: serde_json::Value = serde_json::from_str(&rows.join("\n")).unwrap();
    let plan = &json[0]["Plan"];
    assert!(plan["Node Type"].is_string() && plan["Plans"].is_array(), "{json}");
    assert!(plan["Total Cost"].is_number() && json[0]["Execution Time"].is_number(), "{json}");
    let described = client.prepare(&format!("EXPLAIN (FORMAT JSON) {QUERY}")).await.unwrap();
    assert_eq!(described.columns()[0].type_().name(), "json");

    client.batch_execute("PREPARE p AS SELECT * FROM public.t WHERE a = $1").await.unwrap();
    let plan = lines(&client, "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE p(2)").await.join("\n");
    assert!(plan.contains("Node Type"), "{plan}");
    let refused = client.simple_query("EXPLAIN (FORMAT YAML) SELECT 1").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "0A000");
}
