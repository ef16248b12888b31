// SPDX-License-Identifier: GPL-2.0-only

//! The label of a line.

use kernel::{
    prelude::*,
    str::{
        CStr,
        CString, //
    }, //
};

/// The longest label, in bytes: that of a file name, because labels name directories in /proc/irq.
const LENGTH_MAX: usize = 255;

/// A label: 1 to 255 bytes in any encoding that are a valid file name without control characters.
pub(crate) struct Label(CString);

impl Label {
    /// Copies a label. `EINVAL` if it is invalid.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        let is_bad = |byte: &u8| *byte == b'/' || byte.is_ascii_control();
        if !(1..=LENGTH_MAX).contains(&bytes.len())
            || bytes.iter().any(is_bad)
            || bytes == b"."
            || bytes == b".."
        {
            return Err(EINVAL);
        }
        Ok(Self(c_string(bytes)?))
    }

    /// Copies the label.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self((&*self.0).try_into()?))
    }

    /// Returns the bytes of the label.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }

    /// Returns the label as a C string.
    pub(crate) fn as_c_str(&self) -> &CStr {
        &self.0
    }

    /// Converts the label to a C string.
    pub(crate) fn into_c_string(self) -> CString {
        self.0
    }
}

/// Copies `bytes` into a C string. `EINVAL` if they contain a NUL.
pub(crate) fn c_string(bytes: &[u8]) -> Result<CString> {
    let mut buffer = KVec::with_capacity(bytes.len() + 1, GFP_KERNEL)?;
    buffer.extend_from_slice(bytes, GFP_KERNEL)?;
    buffer.push(0, GFP_KERNEL)?;
    let string = CStr::from_bytes_with_nul(&buffer).map_err(|_| EINVAL)?;
    Ok(string.try_into()?)
}
