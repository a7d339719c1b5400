"""statsd: what the loggers are told, as numbers, by one datagram each. Imported only when used.

A line that carries metric, value and mtype in its `extra` is a metric, too:

    log.info("cache", extra={"metric": "cache.size", "value": 3, "mtype": "gauge"})

Nothing waits for the other side: what cannot be sent at once is not sent.
"""

import contextlib
import logging
import socket
from time import monotonic

from licorne.log.logger import Logger

METRIC_VAR, VALUE_VAR, MTYPE_VAR = "metric", "value", "mtype"
GAUGE_TYPE, COUNTER_TYPE, HISTOGRAM_TYPE, TIMER_TYPE = "gauge", "counter", "histogram", "timer"

RETRY_S = 1.0  # between attempts to reach a socket that was not there


class Statsd(Logger):
    def __init__(self, cfg):
        self.prefix = cfg.statsd_prefix.rstrip(".") + "." if cfg.statsd_prefix else ""
        self.tags = f"|#{cfg.dogstatsd_tags}" if cfg.dogstatsd_tags else ""
        self.sock = None
        self._address = cfg.statsd_host  # (host, port), or a path
        self._retry_at = 0.0
        super().__init__(cfg)
        if self._connect() is None and self._address:
            self.error_log.warning("statsd: %s cannot be reached yet", self._address)

    def _connect(self):
        """-> the socket, or None; names are looked up here."""
        if not self._address or monotonic() < self._retry_at:
            return None
        family = socket.AF_UNIX
        address = self._address
        try:
            if not isinstance(address, str):
                found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)
                family, _, _, _, address = found[0]
            made = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            self._retry_at = monotonic() + 60 * RETRY_S  # a name's server may take long to say no
            return None
        made.setblocking(False)
        try:
            made.connect(address)
        except OSError:
            made.close()
            self._retry_at = monotonic() + RETRY_S
            return None
        self.sock = made
        return made

    def _sock_send(self, msg):
        if isinstance(msg, str):
            msg = msg.encode("ascii", "replace")
        sock = self.sock or self._connect()
        if sock is None:
            return
        try:
            sock.send(msg + self.tags.encode("ascii", "replace"))
        except BlockingIOError:
            return  # its buffer is full
        except OSError:
            # A UDP port that nobody has will be somebody's; a unix socket's file may be a new one.
            if sock.family == socket.AF_UNIX:
                self.sock = None
                sock.close()

    def gauge(self, name, value):
        self._sock_send(f"{self.prefix}{name}:{value}|g")

    def increment(self, name, value, sampling_rate=1.0):
        self._sock_send(f"{self.prefix}{name}:{value}|c|@{sampling_rate}")

    def decrement(self, name, value, sampling_rate=1.0):
        self._sock_send(f"{self.prefix}{name}:-{value}|c|@{sampling_rate}")

    def histogram(self, name, value):
        self._sock_send(f"{self.prefix}{name}:{value}|h")

    def timer(self, name, value):
        self._sock_send(f"{self.prefix}{name}:{value}|ms")

    def critical(self, msg, *args, **kwargs):
        super().critical(msg, *args, **kwargs)
        self.increment("gunicorn.log.critical", 1)

    def error(self, msg, *args, **kwargs):
        super().error(msg, *args, **kwargs)
        self.increment("gunicorn.log.error", 1)

    def warning(self, msg, *args, **kwargs):
        super().warning(msg, *args, **kwargs)
        self.increment("gunicorn.log.warning", 1)

    def exception(self, msg, *args, **kwargs):
        super().exception(msg, *args, **kwargs)
        self.increment("gunicorn.log.exception", 1)

    def info(self, msg, *args, **kwargs):
        self.log(logging.INFO, msg, *args, **kwargs)

    def debug(self, msg, *args, **kwargs):
        self.log(logging.DEBUG, msg, *args, **kwargs)

    def log(self, lvl, msg, *args, **kwargs):
        extra = kwargs.get("extra")
        if extra is not None and extra.get(METRIC_VAR) is not None:
            self._send_metric(extra)
        if msg is not None:  # a metric alone has no text
            super().log(lvl, msg, *args, **kwargs)

    def _send_metric(self, extra):
        send = {
            GAUGE_TYPE: self.gauge,
            COUNTER_TYPE: self.increment,
            HISTOGRAM_TYPE: self.histogram,
            TIMER_TYPE: self.timer,
        }.get(extra.get(MTYPE_VAR))
        if send is not None and extra.get(VALUE_VAR) is not None:
            send(extra[METRIC_VAR], extra[VALUE_VAR])

    def access(self, resp, req, environ, request_time):
        super().access(resp, req, environ, request_time)
        millis = request_time.seconds * 1000 + request_time.microseconds / 1000
        status = resp.status
        if isinstance(status, str):
            status = status.split(None, 1)[0] if status else None
        self.timer("gunicorn.request.duration", millis)
        self.increment("gunicorn.requests", 1)
        if status is not None:
            with contextlib.suppress(ValueError):
                self.increment(f"gunicorn.request.status.{int(status)}", 1)
