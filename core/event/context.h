/* Inside event/: what a record of kind context is about. */
#ifndef KT_EVENT_CONTEXT_H
#define KT_EVENT_CONTEXT_H
#include "event/event.h"

/* Sets `ev->context` by eventName and parameters. `ev->result` is known. */
void kt_event_context(const struct kt_node *root, struct kt_event *ev);
#endif
