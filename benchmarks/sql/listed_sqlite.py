"""SQLite queries on which our engine and a plain SQLite are compared."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

from typing import Any

DDL = """
CREATE TABLE shops (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, city TEXT, opened DATE, active BOOLEAN, rating REAL);
CREATE TABLE items (id INTEGER PRIMARY KEY, shop_id INT, title TEXT, price DECIMAL(10,2), weight DOUBLE, stock INT, code VARCHAR(20), made DATETIME, odd);
"""
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "shops": [
        (1, "Alpha", "Seoul", "2023-01-31", 1, 4.5),
        (2, "alpha", "Busan", "2024-02-29", 0, 2.0),
        (3, "Café", "seoul", None, 1, None),
        (4, "가게", "Busan", "2022-12-31", None, 3.5),
    ],
    "items": [
        (1, 1, "Red Pen", 1.25, 0.5, 10, "12", "2024-06-15 12:00:00", 1),
        (2, 1, "red ink", 2.5, 1.75, 0, "7a", "2024-06-14 23:59:59", "x"),
        (3, 2, "Blue_Pen", 10.0, 2.25, 5, "abc", "2023-03-01 00:00:00", 2.5),
        (4, 2, "pen", 3.0, None, -3, "", "2020-02-29 08:30:15", None),
        (5, None, None, None, 3.0, 2, None, None, "1"),
    ],
}
ITEMS = (
    "price + 1", "price / 3", "stock / 3", "stock % 3", "stock / 0", "price = 3", "price / 2", "-stock / 2", "stock + '5'", "'5x' + 3", "stock = '5'", "code = 12", "code > 5", "code + 1", "CAST(code AS INTEGER)", "CAST(price AS INTEGER)", "CAST(price AS TEXT)", "CAST(stock AS REAL)", "title = 'red pen'", "title = 'Red Pen'", "title < 'a'", "title LIKE 'red%'", "title LIKE 'RED\\_%' ESCAPE '\\'", "title NOT LIKE '%pen'", "title GLOB 'R*'", "title || '-' || code", "title || stock", "UPPER(title)", "LOWER(title)", "LENGTH(title)", "SUBSTR(title, 2, 3)", "SUBSTR(title, -3)", "TRIM(title)", "LTRIM(title, 'Re')", "REPLACE(title, 'Pen', 'Cup')", "INSTR(title, 'e')", "ROUND(price, 1)", "ROUND(2.5)", "ROUND(weight)", "ABS(stock)", "SIGN(stock)", "MAX(stock, 3)", "MIN(price, weight)", "COALESCE(price, 0)", "IFNULL(title, 'none')", "NULLIF(stock, 5)", "IIF(stock > 3, 'a', 'b')", "TYPEOF(odd)", "TYPEOF(price)", "odd = 1", "odd = '1'", "odd > 1", "UNICODE(title)", "HEX(title)", "QUOTE(title)", "PRINTF('%d', stock)", "RANDOM()", "stock AND price", "NOT stock", "stock IS NULL", "stock IS 5", "stock == 5", "stock <> 5", "stock != 5", "stock BETWEEN 0 AND 7", "stock IN (5, '10')", "code IN (12, '7a')", "stock & 3", "stock << 1", "~stock", "stock > 3 = 1", "CASE stock WHEN 5 THEN 'five' ELSE 'other' END", "CASE WHEN stock > 3 THEN stock ELSE 'low' END", "DATE(made)", "DATE(made, '+1 day')", "DATE(made, 'start of month', '+1 month', '-1 day')", "TIME(made)", "DATETIME(made, '-90 seconds')", "STRFTIME('%Y-%m', made)", "STRFTIME('%w', made)", "STRFTIME('%s', made)", "JULIANDAY(made) - JULIANDAY('2024-01-01')", "made > '2024-01-01'", "made LIKE '2024%'", "CURRENT_DATE > '2000-01-01'", "SQRT(ABS(stock))", "POWER(stock, 2)", "FLOOR(price)", "CEIL(price)", "LN(10)", "LOG10(100)", "title = \"pen\"", "\"title\" = 'pen'", "\"nope\"", "`title`", "[title]", "`nope`", "title COLLATE NOCASE = 'PEN'", "x'41'", "1e3", "'it''s'", "TRUE", "rowid", "ROW_NUMBER() OVER (ORDER BY id DESC)", "SUM(stock) OVER (PARTITION BY shop_id ORDER BY id)", "LAG(title, 1, 'none') OVER (ORDER BY id)", "COUNT(*) FILTER (WHERE stock > 3) OVER ()", "my_round(price, 1)", "pg_int(stock, 3)", "load_extension('x')", "YEAR(made)", "NOW()", "CONCAT(title, 'x')",
)  # fmt: skip
QUERIES = [
    "SELECT COUNT(*), COUNT(price), SUM(price), AVG(price), TOTAL(price), MIN(title), MAX(made) FROM items", "SELECT title, MAX(price) FROM items", "SELECT shop_id, title, MIN(price) FROM items GROUP BY shop_id", "SELECT GROUP_CONCAT(title, ';') FROM items", "SELECT GROUP_CONCAT(DISTINCT code) FROM items", "SELECT city, COUNT(*) FROM shops GROUP BY city", "SELECT city c, COUNT(*) n FROM shops GROUP BY c HAVING n > 1", "SELECT id, stock * 2 AS d FROM items WHERE d > 3 ORDER BY d", "SELECT id FROM items ORDER BY price", "SELECT id FROM items ORDER BY price DESC, id", "SELECT id FROM items ORDER BY price NULLS LAST, id", "SELECT id FROM items ORDER BY title COLLATE NOCASE, id", "SELECT id FROM items ORDER BY id LIMIT 2, 3", "SELECT id FROM items ORDER BY id LIMIT 2 OFFSET 1", "SELECT s.id, i.id FROM shops s LEFT JOIN items i ON s.id = i.shop_id", "SELECT s.id, i.id FROM shops s RIGHT JOIN items i ON s.id = i.shop_id", "SELECT s.id, i.id FROM shops s FULL JOIN items i ON s.id = i.shop_id", "SELECT s.id, i.id FROM shops s, items i WHERE s.id = i.shop_id", "SELECT * FROM shops s JOIN items i ON s.id = i.shop_id", "SELECT id FROM shops s JOIN items i ON s.id = i.shop_id", "SELECT s.id FROM shops s JOIN items i USING (id)", "SELECT id FROM items WHERE shop_id = (SELECT id FROM shops)", "SELECT name FROM shops WHERE id NOT IN (SELECT shop_id FROM items)", "SELECT id FROM items WHERE (shop_id, stock) IN (SELECT shop_id, MAX(stock) FROM items GROUP BY shop_id)", "SELECT name FROM shops s WHERE EXISTS (SELECT 1 FROM items i WHERE i.shop_id = s.id)", "SELECT id FROM shops UNION SELECT shop_id FROM items", "SELECT id FROM shops EXCEPT SELECT shop_id FROM items", "SELECT id FROM shops INTERSECT SELECT shop_id FROM items", "SELECT id, name FROM shops UNION SELECT id FROM items", "WITH t AS (SELECT shop_id, SUM(price) total FROM items GROUP BY shop_id) SELECT * FROM t WHERE total > 3", "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 5) SELECT k FROM n", "SELECT AVG(n) FROM (SELECT COUNT(*) n FROM items GROUP BY shop_id)", "SELECT nope FROM shops", "SELECT id FROM nowhere", "SELECT NAME FROM Shops", "SELECT DISTINCT UPPER(city) FROM shops", "SELECT COUNT(DISTINCT city) FROM shops", "SELECT id FROM shops WHERE COUNT(*) > 1", "SELECT 1", "SELECT 7 / 2, 7 / 2.0, 'a' || 'b', 'a' = 'A'", "SELECT id FROM shops HAVING id > 3", "SELECT id FROM items WHERE stock",
]  # fmt: skip


def queries() -> list[str]:
    """All listed queries: each expression as a column, a condition and a sort key, then the rest."""
    made: list[str] = []
    for e in ITEMS:
        made.append(f"SELECT id, {e} FROM items")
        if " OVER (" not in e:
            made += [f"SELECT id FROM items WHERE {e}", f"SELECT id FROM items ORDER BY {e}, id"]
    return list(dict.fromkeys([*made, *QUERIES]))
