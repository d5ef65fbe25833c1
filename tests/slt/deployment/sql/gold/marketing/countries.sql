-- One row per country.
CREATE VIEW gold_marketing.countries AS
SELECT customers.country, count(*) AS orders, sum(orders.amount) AS amount
FROM silver.orders AS orders
JOIN silver.customers AS customers ON customers.customer = orders.customer
GROUP BY customers.country;
