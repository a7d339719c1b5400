-- What every load prints at its end: one line of JSON, read by harness/wrk.py.
function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_us": %.1f, "p99_us": %.1f, ' ..
      '"max_us": %.1f, "connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}\n',
      summary.requests, summary.duration / 1e6, summary.bytes,
      latency:percentile(50), latency:percentile(99), latency.max,
      e.connect, e.read, e.write, e.timeout, e.status))
end
