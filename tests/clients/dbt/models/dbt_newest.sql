-- Rows are put in the place of those with their key.
{{ config(materialized='incremental', unique_key='channel') }}
SELECT channel, max(starts_on) AS starts_on, count(*) AS budgets FROM {{ ref('dbt_channels') }} GROUP BY channel
