/* parse FILE: each line with jansson, as a program would that has no reader of
 * its own; prints how many are CreateAccessKey by an IAM user. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is(const json_t *o, const char *key, const char *value)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && strcmp(s, value) == 0;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    unsigned long long rows = 0;
    while (f && (n = getline(&line, &room, f)) > 0) {
        json_t *r = json_loadb(line, (size_t)n, 0, NULL);
        rows += is(r, "eventName", "CreateAccessKey") && is(json_object_get(r, "userIdentity"), "type", "IAMUser");
        json_decref(r);
    }
    free(line);
    printf("%llu\n", rows);
    return !f || fclose(f) != 0;
}
