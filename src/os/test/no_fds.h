/* os/test/no_fds.h - runs one call while the process may open no descriptor. */
#ifndef LC_OS_TEST_NO_FDS_H
#define LC_OS_TEST_NO_FDS_H

#include <sys/resource.h>

/* The soft limit alone is lowered, so it can come back. */
#define WITHOUT_FDS(statement)                                  \
    do {                                                        \
        struct rlimit saved_, none_;                            \
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved_), 0); \
        none_ = saved_;                                         \
        none_.rlim_cur = 0;                                     \
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_), 0);  \
        statement;                                              \
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved_), 0); \
    } while (0)

#endif
