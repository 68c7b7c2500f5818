/* An app over a real engine that was fed records of our own, with a fixed
 * clock: what the tests of screens stand on. */
#ifndef KT_TESTS_APP_FIXTURE_H
#define KT_TESTS_APP_FIXTURE_H
#include "base/buf.h"
#include "tui/app.h"

/* What a CreateAccessKey record says; NULL: absent. */
struct fixture_record {
    const char *id, *time, *type, *actor, *session, *account, *target, *key, *address, *agent, *error, *message;
    bool mfa_known, mfa;
    int risk; /* of rows that arrive (fixture_arrive) */
};
/* Adds one CloudTrail record as JSON. */
void fixture_json(struct kt_buf *b, const struct fixture_record *r);

struct fixture {
    struct kt_engine *engine;
    struct kt_app *app;
    struct kt_canvas canvas;
    struct kt_clock clock;
    int64_t now;
    unsigned did; /* what the last keys asked for */
    char followed[64];
};
/* `day`: the records of one day, with the clock at its 14:32:40; else none. */
/* LIVE: the day's, and an empty file that is followed, so that more may come. */
enum fixture_records { FIXTURE_NONE, FIXTURE_DAY, FIXTURE_MANY, FIXTURE_LIVE };
void fixture_open(struct fixture *f, enum fixture_records what, int rows, int cols, bool ascii);
/* The same, as the program was started with --filter and --rule. */
void fixture_open_with(struct fixture *f, enum fixture_records what, const char *filter, const char *rule);
void fixture_open_read_only(struct fixture *f);
/* Until the screen shows it: for what comes by way of the engine's thread. */
void fixture_wait(struct fixture *f, const char *text);
void fixture_wait_no(struct fixture *f, const char *text);
void fixture_close(struct fixture *f);
/* FIXTURE_LIVE: the next line of the file that is followed. */
void fixture_append(struct fixture *f, const struct fixture_record *r);
/* A row that arrives while the app runs; the engine's thread must have nothing to write meanwhile. */
void fixture_arrive(struct fixture *f, const struct fixture_record *r, uint64_t *seq);
/* Waits until every view answers, then tells the app. */
void fixture_settle(struct fixture *f);
void fixture_resize(struct fixture *f, int rows, int cols);
/* Keys by name, as in the table of commands, parted by blanks; "'text" types. */
void fixture_keys(struct fixture *f, const char *keys);
/* The screen as text, drawn now; one line of it. Static memory. */
const char *fixture_screen(struct fixture *f);
const char *fixture_line(struct fixture *f, int row);
bool fixture_shows(struct fixture *f, const char *text);
/* The text of the row that is selected; "" where there is none. */
const char *fixture_selected(struct fixture *f);
/* Compares the screen and its styles with tests/screen/golden/NAME.txt; with
 * UPDATE_GOLDEN=1 writes it. Fails the test with a diff. */
void fixture_golden(struct fixture *f, const char *name);
/* The same of any text. */
void golden_text(const char *name, const char *text);
#endif
