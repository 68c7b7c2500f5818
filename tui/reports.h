/* What a terminal reports of its own accord or when asked, byte by byte: the
 * mouse (SGR, mode 1006: ESC [ < b ; x ; y M or m) and modes (DECRPM:
 * ESC [ ? mode ; value $ y). What is neither is dropped. */
#ifndef KT_TUI_REPORTS_H
#define KT_TUI_REPORTS_H
#include "tui/keys.h"

enum kt_report_kind { KT_REPORT_NONE, KT_REPORT_MOUSE, KT_REPORT_MODE };
struct kt_report {
    enum kt_report_kind kind; /* NONE: none has begun */
    uint32_t n[3];
    int at, bytes;
};
/* Its first bytes were read: ESC [ < or ESC [ ? */
void kt_report_begin(struct kt_report *r, enum kt_report_kind kind);
/* WRONG: the byte is not of the report, which is given up. */
enum kt_report_state { KT_REPORT_MORE, KT_REPORT_KEY, KT_REPORT_TOLD, KT_REPORT_DROPPED, KT_REPORT_WRONG };
/* KEY: `k` is a KT_KEY_MOUSE. TOLD: of mode n[0] the value is n[1]. */
enum kt_report_state kt_report_byte(struct kt_report *r, int byte, struct kt_key *k);
#endif
