/* A parcel that is not what it says it is, and one that the sibling's own limits refuse. */
#include "crossing.h"

static void the_siblings_limits_hold(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct talk from, to;

        (void)state;
        open_two(&from, &to, app_hello);
        to.h.limits.body = i ? 4 : 0;
        to.h.limits.request_line = i ? 4094 : 8;
        talk_say(&from, 0, POST("5") "abcde");
        hand_over(&from, &to);
        assert_int_equal(to.ncalls, 0);
        assert_int_equal(talk_status(&to, 0), i ? 413 : 414);
        end_two(&from, &to);
    }
}

static struct crossing a_parcel(struct talk *from)
{
    struct crossing it;

    talk_init(from, app_keep);
    talk_start(from);
    talk_say(from, 0, POST("3") "abc" TALK_GET("/b"));
    it = wrap(from->x);
    send_off(from);
    host_pump(&from->h);
    return it;
}

/* What ever comes, it is refused, or becomes a connection like any other. */
static void receive_anything(const char *p, size_t n, int file_fd)
{
    struct talk to;
    char *exact = malloc(n ? n : 1);
    enum lc_rc rc;

    if (n)
        memcpy(exact, p, n);
    talk_init(&to, app_count);
    talk_start(&to);
    rc = host_receive(&to.h, &to.c[0], file_fd, exact, n);
    assert_true(rc == LC_OK || (rc == LC_EPROTO && to.c[0].mem.is_closed));
    host_pump(&to.h);
    host_pass(&to.h, 200000);
    assert_true(to.c[0].mem.is_closed);
    to.h.nfds = -1;
    talk_end(&to);
    free(exact);
}

static void a_parcel_cut_short_is_refused(void **state)
{
    struct talk from;
    struct crossing it = a_parcel(&from);

    (void)state;
    for (size_t n = 0; n < it.n; n++) {
        struct talk to;
        char *exact = malloc(n ? n : 1);

        memcpy(exact, it.p, n);
        talk_open(&to, app_count);
        assert_int_equal(host_receive(&to.h, &to.c[0], -1, exact, n), LC_EPROTO);
        assert_int_equal(to.ncalls, 0);
        to.h.nfds = -1;
        talk_end(&to);
        free(exact);
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

static void no_parcel_breaks_the_sibling(void **state)
{
    struct talk from;
    struct crossing it = a_parcel(&from);

    (void)state;
    for (size_t i = 0; i < it.n; i++) {
        char was = it.p[i];

        for (int bit = 0; bit < 8; bit++) {
            it.p[i] = (char)(was ^ (1 << bit));
            receive_anything(it.p, it.n, -1);
        }
        it.p[i] = was;
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

/* The head says three bytes; the parcel's own numbers say otherwise. */
static void lengths_that_do_not_fit_the_head_close(void **state)
{
    struct talk from, to;
    struct crossing it = a_parcel(&from);
    struct lc_parcel_head head, was;

    (void)state;
    memcpy(&was, it.p, sizeof was);
    for (int i = 0; i < 3; i++) {
        head = was;
        if (i == 0)
            head.body_len -= 1, head.rest_len += 1;
        else if (i == 1)
            head.head_len += 3, head.body_len -= 3;
        else
            head.head_len -= 1, head.body_len += 1;
        memcpy(it.p, &head, sizeof head);
        talk_open(&to, app_count);
        assert_int_equal(host_receive(&to.h, &to.c[0], -1, it.p, it.n), LC_OK);
        host_pump(&to.h);
        assert_true(to.c[0].mem.is_closed && to.ncalls == 0);
        to.h.nfds = -1;
        talk_end(&to);
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

static void a_file_must_come_when_it_is_announced_and_only_then(void **state)
{
    struct talk from, to;
    struct crossing it = a_parcel(&from);
    struct lc_parcel_head head;

    (void)state;
    talk_open(&to, app_count);
    assert_int_equal(host_receive(&to.h, &to.c[0], dup(STDERR_FILENO), it.p, it.n), LC_EPROTO);
    memcpy(&head, it.p, sizeof head);
    head.file_len = 5;
    memcpy(it.p, &head, sizeof head);
    assert_int_equal(host_receive(&to.h, &to.c[1], -1, it.p, it.n), LC_EPROTO);
    talk_end(&to); /* counts descriptors */
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_siblings_limits_hold),
        cmocka_unit_test(a_parcel_cut_short_is_refused),
        cmocka_unit_test(no_parcel_breaks_the_sibling),
        cmocka_unit_test(lengths_that_do_not_fit_the_head_close),
        cmocka_unit_test(a_file_must_come_when_it_is_announced_and_only_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
