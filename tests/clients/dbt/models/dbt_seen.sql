-- Rows are added.
{{ config(materialized='incremental') }}
SELECT id, amount FROM {{ ref('dbt_channels') }}
{% if is_incremental() %} WHERE id > (SELECT coalesce(max(id), 0) FROM {{ this }}) {% endif %}
