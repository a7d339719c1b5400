/* super/control_int.h - the master's side of the control socket. */
#ifndef LC_SUPER_CONTROL_INT_H
#define LC_SUPER_CONTROL_INT_H

#include "super/master_int.h"

#include "ctl/cmd.h"

#define LC_CONTROL_REQUESTS_MAX 1000 /* `show requests` lists so many at most */

/* control.c: life.  A master without a control socket runs as well. */
void lc_master_control_open(struct lc_master *m);
void lc_master_control_close(struct lc_master *m);
void lc_master_control_abandon(struct lc_master *m); /* in a forked child */
/* Carries out one request and writes the answer: what the server calls for each. */
bool lc_master_control_answer(void *master, const struct lc_peer *peer,
                              const struct lc_ctl_request *r, struct lc_json *out);

/* control_show.c: the data of what is looked at; nothing changes by it. */
void lc_control_show_all(struct lc_master *m, struct lc_json *out);
void lc_control_show_workers(struct lc_master *m, struct lc_json *out);
void lc_control_show_stats(struct lc_master *m, struct lc_json *out);
/* False: no memory. */
bool lc_control_show_requests(struct lc_master *m, struct lc_json *out);

#endif
