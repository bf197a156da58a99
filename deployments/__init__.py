"""What runs where: profiles of a night, and how Prefect starts one."""
