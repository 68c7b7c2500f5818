/* The ledger as it is kept on disk: one image a key, which can be joined with
 * that of another keytop. A join takes the earlier creation and first use, the
 * later last use, all places and changes, and of counts the greater: it does
 * not matter in which order images are joined, nor how often the same one is.
 * Where two keytops each saw uses that the other did not, a count is therefore
 * the least that there were.
 *
 * Marks are what uses are told apart by, the last KT_LIFE_WINDOW of them. */
#ifndef KT_STORE_KEPT_H
#define KT_STORE_KEPT_H
#include "base/arena.h"
#include "base/buf.h"
#include "store/ledger.h"

enum { KT_LIFE_IMAGE_MAX = 1 << 20, KT_LIFE_MARK = 16 };

/* From now on changes are noted down, for the calls below. The writer's. */
bool kt_store_keep_lives(struct kt_store *s);
/* Are there any? Any thread. */
bool kt_store_lives_changed(struct kt_store *s);
/* Marks of uses that were learnt since the last call, at most `max`; they are
 * taken before the lives, so that no use is known whose life is not. */
size_t kt_store_marks_take(struct kt_store *s, uint8_t (*out)[KT_LIFE_MARK], size_t max);
/* The next key whose life has changed: its number, for kt_store_life_again, or
 * 0. `image` gets its image, `news` its greatest eventTime. Any thread. */
uint32_t kt_store_life_next(struct kt_store *s, struct kt_arena *a, struct kt_span *key, int64_t *news,
                            struct kt_buf *image);
/* It could not be written; none of them is there any more. */
void kt_store_life_again(struct kt_store *s, uint32_t number);
void kt_store_lives_all(struct kt_store *s);

/* Both images in one; false where one of them is none, or memory ran out. */
bool kt_life_join(struct kt_span x, struct kt_span y, struct kt_arena *a, struct kt_buf *out);
/* Into a ledger that knows nothing of the key. The writer's. */
bool kt_store_life_take(struct kt_store *s, struct kt_span key, struct kt_span image, struct kt_arena *a);
void kt_store_mark_take(struct kt_store *s, const uint8_t mark[KT_LIFE_MARK]);
#endif
