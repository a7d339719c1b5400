/* pybind/notes.h - what the engine has to say to Python's loggers: kept without the GIL, told by who has it.
 *
 * Only where a log takes the Python path (python/licorne/log/paths.py says when); otherwise p->notes is NULL and the
 * engine writes its lines itself.
 *
 *      the engine, under its lock:  an exchange ends --> note --+--> told by the call's own thread, with its environ
 *                                   its log line ----> note ---+--> told by the main thread, when it comes by
 *
 *   I1  notes are kept and taken under the engine's lock, and told with the GIL and without the lock.
 *   I2  at most LC_NOTES_MAX wait; what comes beyond is lost, and counted. */
#ifndef LC_PYBIND_NOTES_H
#define LC_PYBIND_NOTES_H

#include "pybind/state.h"

#include "http/exchange.h"
#include "http/response.h"
#include "os/sock.h"

#define LC_NOTES_MAX 4096

struct lc_py_note {
    struct lc_py_note *next;
    const void *key; /* an exchange that was called: only compared */
    int level;       /* of a log line; -1: an access note */
    struct lc_str text;
    /* of an access note: */
    struct lc_request req; /* base and fields lie behind */
    struct lc_addr peer;
    uint32_t listener;
    bool is_https;
    int status;
    int64_t sent;
    uint64_t took_ns;
    struct lc_str status_line; /* the application's; p NULL: none */
    struct lc_str out;         /* "Name: value\r\n" ... */
};

/* Asks the guest who makes the lines of the two logs from now on, and tells the engine's configuration.  -1 with an
 * exception.  To be followed by lc_py_notes_open once the engine is open. */
int lc_py_notes_choose(struct lc_py_worker *p);
int lc_py_notes_open(struct lc_py_worker *p);
void lc_py_notes_free(struct lc_py_worker *p);
/* Under the lock: the note of this exchange, which is the caller's from here; NULL: there is none. */
struct lc_py_note *lc_py_notes_take(struct lc_py_worker *p, const struct lc_exchange *x);
/* All that wait. */
void lc_py_notes_tell(struct lc_py_worker *p);
/* The same when the engine is closed, and its lock gone. */
void lc_py_notes_tell_last(struct lc_py_worker *p);

/* access_py.c: calls the logger, and frees the note.  env: NULL if the application was not called. */
void lc_py_note_tell(struct lc_py_worker *p, struct lc_py_note *note, PyObject *env);

#endif
