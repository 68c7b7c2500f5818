/* Hostile text made inert in Markdown: a code span, in which nothing is markup,
 * link, mention or HTML (CommonMark 0.31, section 6.1; GitHub's tables as
 * well). What stands in it is kt_text_plain's, all ASCII, one line. */
#ifndef KT_TEXT_MARKDOWN_H
#define KT_TEXT_MARKDOWN_H
#include "text/text.h"

/* `s` as a code span; an unknown span as `unknown` (our words, as they are),
 * an empty one as "(empty)". `most`: longer texts are cut after so many bytes
 * of their plain form, and say so; 0: never. In a table a bar in the text is
 * written as tables want it. */
bool kt_markdown_code(struct kt_buf *b, struct kt_span s, enum kt_text_kind kind, const char *unknown, size_t most,
                      bool table);
#endif
