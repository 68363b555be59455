//! One body, compiled once for each instruction set.

/// Defines functions that take an [`super::Isa`] first and run their body compiled for it.
///
/// The body is ordinary safe code in a form that the compiler turns into vector instructions.
macro_rules! vectorised {
    ($($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block)*) => {$(
        $(#[$meta])*
        #[allow(clippy::allow_attributes, clippy::too_many_arguments, reason = "kernels take plain slices")]
        pub fn $name(isa: $crate::kernels::Isa, $($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            #[allow(clippy::allow_attributes, clippy::too_many_arguments, reason = "as above")]
            fn body($($arg: $type),*) $(-> $out)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::allow_attributes, clippy::too_many_arguments, reason = "as above")]
            fn avx2($($arg: $type),*) $(-> $out)? { body($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[allow(clippy::allow_attributes, clippy::too_many_arguments, reason = "as above")]
            fn avx512($($arg: $type),*) $(-> $out)? { body($($arg),*) }

            match isa {
                // SAFETY: an `Isa` is only used after `Isa::available` has found its features.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Isa::Avx512 | $crate::kernels::Isa::Amx => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                _ => body($($arg),*),
            }
        }
    )*};
}
