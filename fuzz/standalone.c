/* fuzz/standalone.c - plays corpus files into one fuzz target, for compilers without libFuzzer and
 * for CI.
 *
 * Arguments are files and directories (not descended into).  Each input lies in a block of its own
 * size, so that AddressSanitizer sees a read past it.  Nothing to play is a failure: a moved corpus
 * must not look like success. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 22 };

static int play_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX), *exact = NULL;
    size_t n = 0;

    if (f != NULL && data != NULL)
        n = fread(data, 1, INPUT_MAX, f);
    if (data != NULL)
        exact = malloc(n > 0 ? n : 1);
    if (f == NULL || exact == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    memcpy(exact, data, n);
    fclose(f);
    free(data);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 1;
}

static int play(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    int count = 0;

    if (d == NULL)
        return play_file(path);
    while ((e = readdir(d)) != NULL) {
        char child[4096];

        if (e->d_name[0] == '.')
            continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        count += play_file(child);
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += play(argv[i]);
    printf("%s: %d inputs\n", argv[0], count);
    return count > 0 ? 0 : 1;
}
