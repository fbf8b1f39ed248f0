/* Everything that a key can do, in one list: id, name for scripts and commands, help. */
#ifndef TUI_KEY_ACTION_H
#define TUI_KEY_ACTION_H

#include "core/base.h"

#define ACTION_LIST(X)                                                      \
    X(ACT_NONE, "none", "")                                                 \
    /* moving */                                                            \
    X(ACT_UP, "up", "Up")                                                   \
    X(ACT_DOWN, "down", "Down")                                             \
    X(ACT_PAGE_UP, "page-up", "A page up")                                  \
    X(ACT_PAGE_DOWN, "page-down", "A page down")                            \
    X(ACT_TOP, "top", "To the first row")                                   \
    X(ACT_BOTTOM, "bottom", "To the last row")                              \
    X(ACT_LEFT, "left", "Left, or the tab before")                          \
    X(ACT_RIGHT, "right", "Right, or the next tab")                         \
    X(ACT_OPEN, "open", "Open what is selected")                            \
    X(ACT_BACK, "back", "Back to where you came from")                      \
    /* views */                                                             \
    X(ACT_NEXT_VIEW, "next-view", "The next view")                          \
    X(ACT_PREVIOUS_VIEW, "previous-view", "The view before")                \
    X(ACT_VIEW_1, "view-1", "First view")                                   \
    X(ACT_VIEW_2, "view-2", "Second view")                                  \
    X(ACT_VIEW_3, "view-3", "Third view")                                   \
    X(ACT_VIEW_4, "view-4", "Fourth view")                                  \
    X(ACT_VIEW_5, "view-5", "Fifth view")                                   \
    X(ACT_VIEW_6, "view-6", "Sixth view")                                   \
    X(ACT_VIEW_7, "view-7", "Seventh view")                                 \
    X(ACT_COMMAND, "command", "Type a command; Tab completes it")           \
    X(ACT_FILTER, "filter", "Filter the rows, or search a text")            \
    X(ACT_NEXT_MATCH, "next-match", "To the next match")                    \
    X(ACT_PREVIOUS_MATCH, "previous-match", "To the match before")          \
    X(ACT_SORT, "sort", "Sort by the next column")                          \
    X(ACT_SORT_TURN, "sort-turn", "Turn the order round")                   \
    X(ACT_REFRESH, "refresh", "Ask the server again, now")                  \
    X(ACT_HELP, "help", "These keys")                                       \
    X(ACT_QUIT, "quit", "Leave; what runs goes on running and costing")     \
    /* objects */                                                           \
    X(ACT_DETAILS, "details", "Everything about what is selected")          \
    X(ACT_NEW, "new", "Submit a job from a file")                           \
    X(ACT_LOG, "log", "The output of the job")                              \
    X(ACT_STOP, "stop", "Stop the instance, after asking")                  \
    X(ACT_START, "start", "Start the stopped instance, after asking")       \
    X(ACT_DELETE, "delete", "Delete the instance, after asking")            \
    X(ACT_CHECK, "check", "Have the GPUs checked, after asking")            \
    X(ACT_DRAIN, "drain", "Let no new instance on the node, after asking")  \
    X(ACT_RESUME, "resume", "Let new instances on it again, after asking")  \
    X(ACT_CLOSE, "close", "Close the case, after asking")                   \
    X(ACT_CANCEL, "cancel", "Cancel the job, after asking")                 \
    X(ACT_FOLLOW, "follow", "Follow the end of the log")                    \
    X(ACT_WRAP, "wrap", "Wrap long lines, or cut them")                     \
    /* where something is typed */                                          \
    X(ACT_ACCEPT, "accept", "Take what was typed")                          \
    X(ACT_DISMISS, "dismiss", "Forget what was typed")                      \
    X(ACT_COMPLETE, "complete", "Complete the word, or to the next field")  \
    X(ACT_FIELD_UP, "field-up", "To the field above")                       \
    X(ACT_FIELD_DOWN, "field-down", "To the field below")                   \
    X(ACT_CHAR_LEFT, "char-left", "A character left")                       \
    X(ACT_CHAR_RIGHT, "char-right", "A character right")                    \
    X(ACT_LINE_START, "line-start", "To the start of the line")             \
    X(ACT_LINE_END, "line-end", "To the end of the line")                   \
    X(ACT_ERASE, "erase", "Erase the character before")                     \
    X(ACT_ERASE_HERE, "erase-here", "Erase the character under the cursor") \
    X(ACT_ERASE_WORD, "erase-word", "Erase the word before")                \
    X(ACT_ERASE_LINE, "erase-line", "Erase the line")

enum key_action {
#define X(id, name, help) id,
    ACTION_LIST(X)
#undef X
        ACT_COUNT
};

const char *key_action_name(enum key_action a);
const char *key_action_help(enum key_action a); /* a phrase; "" for ACT_NONE */

#endif
