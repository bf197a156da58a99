"""What running a night costs besides its stages, and the same night on other engines.

`engines` and `cancel` use what is installed of prefect-dask, prefect-ray and prefect-redis (the extras `dask`, `ray`
and `redis`), a PostgreSQL that may be written to (T2S_POSTGRES_URL, default
postgresql://postgres@127.0.0.1:5432/postgres; a database is made there and dropped) and `redis-server`. What is not
there is left out, and said.
"""
