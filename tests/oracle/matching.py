"""How well records of the same person were found, counted in pairs of records.

As a script: FACTS is the shop's truth folder, and the records are the CRM's.
"""

import sys

import duckdb

PRECISION, RECALL, FEW = 0.98, 0.95, 100


def measure(connection, records):
    """`records` selects id, person and guess; prints precision and recall, False below what is asked."""
    truth, found, both = connection.execute(
        f"""
        WITH r AS ({records}),
        p AS (SELECT a.person = b.person AS same, coalesce(a.guess = b.guess, false) AS guessed
              FROM r a JOIN r b ON a.id < b.id AND (a.person = b.person OR a.guess = b.guess))
        SELECT count_if(same), count_if(guessed), count_if(same AND guessed) FROM p
        """
    ).fetchone()
    precision, recall = both / max(found, 1), both / max(truth, 1)
    print(f"{truth} pairs, precision {precision:.4f}, recall {recall:.4f}")
    if truth < FEW:
        # Of few pairs a share says nothing: two may be wrong either way.
        return both >= max(found, truth) - 2
    return precision >= PRECISION and recall >= RECALL


def shop(facts, answers):
    """The shop's CRM records with whom the generator and the view say they are."""
    return f"""
        SELECT r.customer_id AS id, r.person, i.customer_id AS guess
        FROM '{facts}/crm_records.parquet' r
        LEFT JOIN '{answers}/silver.customer_identities.parquet' i
            ON i.source = 'crm' AND i.source_id = r.customer_id
    """


if __name__ == "__main__":
    sys.exit(0 if measure(duckdb.connect(), shop(*sys.argv[1:])) else 1)
