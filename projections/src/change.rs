//! How the optional parts of an "updated" event reach a document.

use aggregates::value::Change;

/// Takes the new value over, if there is one.
pub(crate) fn replace<T: Clone>(value: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        value.clone_from(new);
    }
}

/// Takes over what changed, if it did.
pub(crate) fn apply<T: Clone>(value: &mut Option<T>, change: &Change<T>) {
    change.clone().apply_to(value);
}
