//! The arithmetic by which identifiers guard against typing errors.
//!
//! Each function takes the identifier as written, ignores its separators, and says whether the
//! check characters agree.

use sha2::{Digest as _, Sha256};

/// The digits of a text, without its separators.
#[must_use]
pub fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|it| it.to_digit(10)).collect()
}

/// Letters and digits in upper case, without separators.
#[must_use]
pub fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_uppercase()).collect()
}

/// Whether all digits are the same, which no issuer gives out.
#[must_use]
pub fn is_uniform(digits: &[u32]) -> bool {
    digits.windows(2).all(|it| it[0] == it[1])
}

/// Digits times weights, summed; surplus digits do not count.
#[must_use]
pub fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Luhn (ISO/IEC 7812-1): every second digit from the right doubled.
#[must_use]
pub fn luhn(text: &str) -> bool {
    luhn_of(&digits(text))
}

/// Luhn over digits.
#[must_use]
pub fn luhn_of(digits: &[u32]) -> bool {
    let double = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { double(*digit) } else { *digit })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// ISO/IEC 7064 MOD 97-10 over letters and digits, as in an IBAN whose head stands last.
#[must_use]
pub fn mod_97(text: &str) -> u32 {
    text.chars().filter_map(|it| it.to_digit(36)).fold(0, |rest, value| {
        let shift = if value > 9 { 100 } else { 10 };
        (rest * shift + value) % 97
    })
}

/// ISO/IEC 7064 MOD 11,10, as in German tax numbers.
#[must_use]
pub fn mod_11_10(digits: &[u32]) -> bool {
    let Some((last, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *last
}

/// Verhoeff: the dihedral group of order ten, as in Aadhaar.
#[must_use]
pub fn verhoeff(digits: &[u32]) -> bool {
    const MULTIPLY: [[usize; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTE: [[usize; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let rest = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |rest, (place, digit)| MULTIPLY[rest][PERMUTE[place % 8][*digit as usize]]);
    !digits.is_empty() && rest == 0
}

/// Base58Check: the last four bytes are the start of a double SHA-256 of the others.
#[must_use]
pub fn base58_check(text: &str) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0u8; 25];
    for c in text.bytes() {
        let Some(value) = ALPHABET.iter().position(|it| *it == c) else { return false };
        let mut carry = value as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let digest = Sha256::digest(Sha256::digest(&bytes[..21]));
    digest[..4] == bytes[21..]
}

/// Bech32 and Bech32m (BIP 173, BIP 350).
#[must_use]
pub fn bech32(text: &str) -> bool {
    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let text = text.to_ascii_lowercase();
    let Some((prefix, data)) = text.rsplit_once('1') else { return false };
    let mut values: Vec<u32> = prefix.bytes().map(|it| u32::from(it >> 5)).collect();
    values.push(0);
    values.extend(prefix.bytes().map(|it| u32::from(it & 31)));
    for c in data.chars() {
        let Some(value) = ALPHABET.find(c) else { return false };
        values.push(value as u32);
    }
    let rest = values.iter().fold(1u32, |rest, value| {
        let top = rest >> 25;
        let shifted = (rest & 0x01ff_ffff) << 5 ^ value;
        (0..5).filter(|bit| top >> bit & 1 == 1).fold(shifted, |it, bit| it ^ GENERATOR[bit])
    });
    data.len() >= 6 && matches!(rest, 1 | 0x2bc8_30a3)
}

/// Shannon entropy in bits per character, of the characters that occur.
#[must_use]
pub fn entropy_bits(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        counts[byte as usize] += 1;
    }
    let n = text.len() as f64;
    let share = |count: u32| f64::from(count) / n;
    counts.iter().filter(|it| **it > 0).map(|it| -share(*it) * share(*it).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass_and_neighbours_fail() {
        assert!(luhn("4111 1111 1111 1111") && !luhn("4111 1111 1111 1112"));
        assert_eq!(mod_97("WEST12345698765432GB82"), 1);
        assert!(verhoeff(&digits("2363")) && !verhoeff(&digits("2364")));
        assert!(mod_11_10(&digits("86095742719")) && !mod_11_10(&digits("86095742718")));
        assert!(base58_check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(!base58_check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(!bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
        assert!(entropy_bits("aaaa") < 0.1 && entropy_bits("abcd") > 1.9);
    }
}
