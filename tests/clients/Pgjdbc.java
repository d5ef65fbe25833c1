import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Statements, parameters, server-side preparation, fetch size, errors. */
public class Pgjdbc {
    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String url = String.format("jdbc:postgresql://%s:%s/%s?sslmode=disable",
            System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"));
        try (Connection connection = DriverManager.getConnection(url, System.getenv("PGUSER"), "")) {
            check(connection.getMetaData().getDatabaseMajorVersion() == 15, "the version");
            try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                    "SELECT 1 AS one, 'two' AS two, 1.50::numeric(10,2) AS price, DATE '2026-10-31' AS day")) {
                check(rows.next(), "a row");
                check(rows.getInt("one") == 1 && rows.getString("two").equals("two"), "plain values");
                check(rows.getBigDecimal("price").equals(new BigDecimal("1.50")), "a numeric");
                check(rows.getDate("day").equals(Date.valueOf("2026-10-31")), "a date");
            }
            // From the fifth execution on the statement is prepared on the server and values are binary.
            try (PreparedStatement statement =
                    connection.prepareStatement("SELECT ?::integer + 1, ?::text, ?::bigint, ?::double precision")) {
                for (int i = 0; i < 10; i++) {
                    statement.setInt(1, i);
                    statement.setString(2, "x" + i);
                    statement.setLong(3, 1L << 40);
                    statement.setDouble(4, 0.5);
                    try (ResultSet rows = statement.executeQuery()) {
                        check(rows.next() && rows.getInt(1) == i + 1, "an integer parameter");
                        check(rows.getString(2).equals("x" + i), "a text parameter");
                        check(rows.getLong(3) == 1L << 40 && rows.getDouble(4) == 0.5, "wide parameters");
                    }
                }
            }
            try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT * FROM gold_finance.daily_revenue")) {
                int count = 0;
                while (rows.next()) {
                    check(rows.getDate("day") != null, "a day");
                    count++;
                }
                check(count > 0, "rows of a mart");
            }
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(1000);
                long sum = 0;
                try (ResultSet rows = statement.executeQuery("SELECT * FROM generate_series(1, 10000)")) {
                    while (rows.next()) {
                        sum += rows.getLong(1);
                    }
                }
                check(sum == 50005000L, "rows in portions");
            }
            connection.commit();
            connection.setAutoCommit(true);
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("SELECT * FROM silver.nothing");
                throw new AssertionError("an undefined table answered");
            } catch (SQLException error) {
                check(error.getSQLState().equals("42P01"), error.getSQLState());
            }
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("CREATE TABLE sandbox.pgjdbc_notes (id integer)");
                check(statement.executeUpdate("INSERT INTO sandbox.pgjdbc_notes VALUES (1), (2)") == 2, "a count");
                statement.executeUpdate("DROP TABLE sandbox.pgjdbc_notes");
            }
        }
    }
}
