"""Makes a database, a dataset and a chart in Superset over its API, checks what each answers, prints the chart's number."""

import json
import os

import requests

BASE = f"http://127.0.0.1:{os.environ['SUPERSET_PORT']}"
HOST, PORT = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5433")
USER, DATABASE = os.environ.get("PGUSER", "lakeport"), os.environ.get("PGDATABASE", "shop")
URI = f"postgresql+psycopg2://{USER}@{HOST}:{PORT}/{DATABASE}"

session = requests.Session()
login = {"username": "admin", "password": "admin", "provider": "db", "refresh": True}
session.headers["Authorization"] = "Bearer " + session.post(f"{BASE}/api/v1/security/login", json=login).json()["access_token"]


def asked(path, body=None, status=200):
    answer = session.get(BASE + path) if body is None else session.post(BASE + path, json=body)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return answer.json()


database = {"database_name": "shop", "sqlalchemy_uri": URI, "configuration_method": "sqlalchemy_form"}
asked("/api/v1/database/test_connection", database)
number = asked("/api/v1/database/", {**database, "expose_in_sqllab": True}, 201)["id"]
schemas = asked(f"/api/v1/database/{number}/schemas/")["result"]
assert {"silver", "gold_finance"} <= set(schemas), schemas
tables = asked(f"/api/v1/database/{number}/tables/?q=(force:!t,schema_name:gold_finance)")["result"]
assert "daily_revenue" in {table["value"] for table in tables}, tables

dataset = asked("/api/v1/dataset/", {"database": number, "schema": "gold_finance", "table_name": "daily_revenue"}, 201)["id"]
columns = {column["column_name"]: column for column in asked(f"/api/v1/dataset/{dataset}")["result"]["columns"]}
assert columns["day"]["type"] == "DATE" and columns["day"]["is_dttm"], columns["day"]
assert columns["net_eur"]["type"] == "NUMERIC(18, 2)" and columns["orders"]["type"] == "BIGINT", columns
assert columns["net_eur"]["description"], "the view's comments arrive"

metric = {"expressionType": "SIMPLE", "column": {"column_name": "net_eur"}, "aggregate": "SUM", "label": "net_eur"}
day = {"columnType": "BASE_AXIS", "sqlExpression": "day", "label": "day", "expressionType": "SQL", "timeGrain": "P1D"}
query = {
    "datasource": {"id": dataset, "type": "table"}, "result_format": "json", "result_type": "full",
    "queries": [{"columns": [day, "channel"], "metrics": [metric], "row_limit": 1000, "series_columns": ["channel"]}],
}
rows = asked("/api/v1/chart/data", query)["result"][0]["data"]
assert rows and {"day", "channel", "net_eur"} <= set(rows[0]), rows[:1]

form = {
    "datasource": f"{dataset}__table", "viz_type": "echarts_timeseries_bar", "x_axis": "day", "time_grain_sqla": "P1D",
    "metrics": [metric], "groupby": ["channel"], "row_limit": 1000, "stack": "Stack", "show_legend": True, "orientation": "vertical",
    "y_axis_format": "SMART_NUMBER", "x_axis_time_format": "smart_date", "color_scheme": "supersetColors", "adhoc_filters": [],
}
chart = {
    "slice_name": "Revenue by day and channel", "viz_type": form["viz_type"], "datasource_id": dataset, "datasource_type": "table",
    "params": json.dumps(form), "query_context": json.dumps(query),
}
chart = asked("/api/v1/chart/", chart, 201)["id"]

# SQL Lab: its schema is a search_path; the errors and the cost are read from what the server says.
lab = {"database_id": number, "schema": "gold_finance", "runAsync": False}
answer = asked("/api/v1/sqllab/execute/", {**lab, "sql": "SELECT channel, sum(net_eur) AS net FROM daily_revenue GROUP BY 1 ORDER BY 1"})
assert answer["status"] == "success" and answer["data"], answer
mistake = asked("/api/v1/sqllab/execute/", {**lab, "sql": "SELECT nothing FROM daily_revenue"}, 500)
assert mistake["errors"][0]["error_type"] == "COLUMN_DOES_NOT_EXIST_ERROR", mistake
cost = asked("/api/v1/sqllab/estimate/", {"database_id": number, "sql": "SELECT 1"})["result"]
assert "Total cost" in cost[0], cost
print(chart)
