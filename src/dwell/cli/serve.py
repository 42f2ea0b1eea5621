"""`dwell serve`."""

from __future__ import annotations

import click

from dwell.cli.surroundings import run, settings_of


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.pass_context
def serve(context: click.Context, *, host: str | None, port: int | None) -> None:
    """Serve the interface and run the engine, until told to stop (Ctrl-C, SIGTERM).

    An SQLite file that does not exist is made. A PostgreSQL database needs `dwell db upgrade` first.
    """
    settings = settings_of(context, {("http", "host"): host, ("http", "port"): port})
    from dwell.bootstrap import configure_log
    from dwell.bootstrap import serve as serve_until_stopped

    configure_log(settings.log)
    run(serve_until_stopped(settings), loop_factory=_fast_loop())


def _fast_loop() -> object:
    """uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
