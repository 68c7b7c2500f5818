/* Risk: 0 to 100, moved by signals, each by a stated amount, and explained.
 *
 * A signal is a Sigma rule of `logsource: {product: keytop}` with, under
 * `custom:`, `signal` (its name), `weight` (-100..100), `why` (a few words),
 * `unknown` (what it cannot know) and `evidence` (names of facts' places). It
 * is not put to the CloudTrail record but to what keytop knows of the row: a
 * flat object of facts, the row's columns under their names (row.h) and those
 * of KT_RISK_FACTS. A fact that is not known is not there; it is never false
 * instead. Rules of that logsource without `signal` are ordinary rules.
 *
 * The risk starts from KT_RISK_BASE for every creation (what the seed's rule
 * says of those that it lists), 0 for other kinds, or from the risk of the
 * gravest rule or correlation that matched, if that is more. The weights of
 * the signals are added; the sum is cut to 0..100.
 *
 * Everything here is a pure function of its arguments. */
#ifndef KT_DETECT_RISK_H
#define KT_DETECT_RISK_H
#include "detect/row.h"

enum { KT_RISK_BASE = 25, KT_FACT_EVIDENCE_MAX = 24 };

/* X(name, what it says). Times between two events are in whole seconds. */
#define KT_RISK_FACTS(X)                                                                                              \
    X("life.state", "active, inactive or deleted")                                                                    \
    X("life.addresses", "addresses that it was used from")                                                            \
    X("life.agents", "tools that it was used with")                                                                   \
    X("life.first_use.seconds", "from its creation to its first use")                                                 \
    X("life.first_use.elsewhere", "from another address than it was made from")                                       \
    X("life.first_use.known_place", "from an address where its user was seen before")                                 \
    X("life.first_use.other_agent", "with another tool or system than it was made with")                              \
    X("life.first_use.agent.class", "the class of that tool")                                                         \
    X("life.first_use.agent.os", "the system of that tool")                                                           \
    X("life.unused.days", "calendar days that it was not seen in use, up to the newest event of all sources")         \
    X("life.deactivations", "how often it was switched off")                                                          \
    X("life.reactivations", "how often it was switched on again")                                                     \
    X("life.rotation_of", "the key that it replaced")                                                                 \
    X("life.rotated_into", "the key that replaced it")                                                                \
    X("life.siblings_active", "other keys of the same user that were active when it was made, as far as was seen")    \
    X("actor_key.long_lived", "the call was made with a long-lived key")                                              \
    X("actor_key.age.seconds", "since the key that made the call was made itself")                                    \
    X("actor_key.rotated", "and in the place of an older one")                                                        \
    X("actor.known.seconds", "since the actor was seen first")                                                        \
    X("actor.new_address", "the actor's first calls from this address")                                               \
    X("actor.new_agent", "the actor's first calls with this tool")                                                    \
    X("actor.new_network", "the actor's first calls from this network")                                               \
    X("actor.new_country", "the actor's first calls from this country")                                               \
    X("actor.first_key", "the first key that the actor made")                                                         \
    X("actor.seen_with_mfa", "the actor was seen in a session with MFA")                                              \
    X("actor.denied", "its denied attempts to make a key in the hour before")                                         \
    X("actor.targets", "users whom it made or tried to make keys for within an hour of it")                           \
    X("actor.quarantined.seconds", "between AWS's quarantine of the actor and this")                                  \
    X("address.denied", "denied attempts from the same address in the hour before")                                   \
    X("account.new_agent_class", "the first key of the account that was made with this class of tool")                \
    X("account.cross", "the actor is of another account")                                                             \
    X("target.created.seconds", "since the user was created")                                                         \
    X("target.admin.seconds", "between the user being given full rights and this, either way")                        \
    X("target.quarantined.seconds", "between AWS's quarantine of the user and this, either way")                      \
    X("target.quota", "attempts to make the user one key too many in the hour before, or this one")                   \
    X("target.credentials", "other long-lived credentials of the user made within an hour of it")

/* Is it one of the above, or a row's column that a rule may speak of? */
bool kt_risk_fact_known(struct kt_span name);

/* --- facts of one row ------------------------------------------------------- */

struct kt_facts;
struct kt_facts *kt_facts_new(void); /* NULL: out of memory */
void kt_facts_free(struct kt_facts *f);
void kt_facts_reset(struct kt_facts *f);
/* The row's columns. `a` is used for texts, not reset. */
void kt_facts_row(struct kt_facts *f, const struct kt_row *r, struct kt_arena *a);
/* Unknown ones are left out. `name` is of KT_RISK_FACTS, and lasts as long as the facts. */
void kt_facts_text(struct kt_facts *f, const char *name, struct kt_span v);
void kt_facts_number(struct kt_facts *f, const char *name, int64_t v);
void kt_facts_truth(struct kt_facts *f, const char *name, enum kt_tri v);
/* Where a fact lies: the first KT_EVIDENCE_MAX of a name are kept. `event_id`
 * is borrowed until the next reset. */
void kt_facts_evidence(struct kt_facts *f, const char *name, struct kt_span event_id, int64_t time);
/* False where memory ran out while they were put together. */
bool kt_facts_whole(const struct kt_facts *f);

/* --- the score ---------------------------------------------------------------- */

/* `v` has the rules that the record and correlations matched; what rules for
 * facts matched before is dropped and found anew, and all else of it is set
 * by `f`. Spans are borrowed from the rules and the facts. */
void kt_risk_judge(const struct kt_rules *rules, enum kt_kind kind, struct kt_facts *f, struct kt_verdict *v);
#endif
