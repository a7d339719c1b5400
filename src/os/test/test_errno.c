/* What the system says, in our words. */
#include "base/test/support.h"

#include "os/errno_int.h"

#include <errno.h>

static void each_errno_has_one_meaning(void **state)
{
    static const struct {
        int error;
        enum lc_rc rc, send_rc;
    } rows[] = {
        {EAGAIN, LC_AGAIN, LC_AGAIN},    {EWOULDBLOCK, LC_AGAIN, LC_AGAIN},
        {EINTR, LC_EINTR, LC_EINTR},     {EMFILE, LC_ENOFD, LC_ENOFD},
        {ENFILE, LC_ENOFD, LC_ENOFD},    {ENOMEM, LC_ENOMEM, LC_ENOMEM},
        {ENOBUFS, LC_ENOMEM, LC_ENOMEM}, {ENOSPC, LC_ENOSPC, LC_ENOSPC},
        {EDQUOT, LC_ENOSPC, LC_ENOSPC},  {EFBIG, LC_ENOSPC, LC_ENOSPC},
        {EPIPE, LC_EIO, LC_CLOSED},      {ECONNRESET, LC_EIO, LC_CLOSED},
        {ENOTCONN, LC_EIO, LC_CLOSED},   {EBADF, LC_EIO, LC_EIO},
        {EINVAL, LC_EIO, LC_EIO},        {0, LC_EIO, LC_EIO},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        assert_int_equal(lc_os_rc(rows[i].error), rows[i].rc);
        assert_int_equal(lc_os_send_rc(rows[i].error), rows[i].send_rc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_errno_has_one_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
