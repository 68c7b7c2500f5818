/* One error type: a code to branch on and a sentence a person can act on.
 * The sentence may quote data (a file's name): it goes out only through
 * core/text, like all data. */
#ifndef KT_BASE_ERR_H
#define KT_BASE_ERR_H

enum kt_code {
    KT_OK = 0,
    KT_EUSAGE,       /* the command line or a prompt is wrong */
    KT_ENOMEM,       /* memory ran out */
    KT_ELIMIT,       /* a declared maximum was reached */
    KT_EIO,          /* the system refused to open, read or write */
    KT_EFORMAT,      /* bytes are not what they claim to be */
    KT_ENOTFOUND,    /* a named thing does not exist */
    KT_EUNSUPPORTED, /* known, but not built yet */
    KT_ECANCELLED    /* asked to stop */
};

struct kt_err {
    enum kt_code code;
    char text[480];
};

/* Sets `e` (which may be NULL) and returns `code`. A text that does not fit
 * is cut. */
enum kt_code kt_fail(struct kt_err *e, enum kt_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#endif
