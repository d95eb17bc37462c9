"""What must survive: deliveries, facts, promises, sayings. The tables are the truth."""

from sla.bare_package import put_off

# SQLAlchemy would look there for dialects of others: a tenth of its import.
with put_off("importlib", "metadata"):
    import sqlalchemy as sqlalchemy
