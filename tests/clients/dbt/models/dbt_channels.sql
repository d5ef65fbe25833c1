-- A view over a seed.
{{ config(materialized='view') }}
SELECT id, upper(channel) AS channel, amount, starts_on FROM {{ ref('dbt_budgets') }}
