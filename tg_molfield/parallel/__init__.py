"""Work on chunks of something long, in order, by this process, by several ones or on a Dask cluster."""

from tg_molfield.parallel.in_order import check_workers, in_order
from tg_molfield.parallel.threads import one_thread

__all__ = ["check_workers", "in_order", "one_thread"]
