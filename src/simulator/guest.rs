//! The venue's guests: a number is a person, always the same one.

const FIRST: [&str; 40] = [
    "Dewi", "Budi", "Rina", "Agus", "Siti", "Fajar", "Wulan", "Tono", "Putri", "Rudi", "Ayu", "Joko",
    "Lestari", "Hendra", "Maya", "Bayu", "Indah", "Yusuf", "Ratna", "Dimas", "Nur", "Eko", "Kartika", "Arif",
    "Sari", "Galih", "Melati", "Rizky", "Intan", "Wahyu", "Citra", "Bagus", "Anisa", "Surya", "Fitri",
    "Teguh", "Laras", "Irfan", "Novi", "Made",
];

const LAST: [&str; 25] = [
    "Lestari",
    "Wijaya",
    "Santoso",
    "Permata",
    "Nugroho",
    "Rahmawati",
    "Pratama",
    "Hidayat",
    "Kusuma",
    "Siregar",
    "Halim",
    "Setiawan",
    "Maharani",
    "Saputra",
    "Anggraini",
    "Gunawan",
    "Suryani",
    "Firmansyah",
    "Utami",
    "Simanjuntak",
    "Handayani",
    "Ramadhan",
    "Wibowo",
    "Puspita",
    "Tanjung",
];

/// How many people the venue knows.
pub(super) const KNOWN: u32 = 600;

/// The name of the user with this id. Some have one name alone, as many Indonesians do.
pub(super) fn name(user: u32) -> String {
    let first = FIRST[user as usize % FIRST.len()];
    let last = LAST[(user / 7 + user) as usize % LAST.len()];
    if user % 9 == 4 || first == last { first.to_owned() } else { format!("{first} {last}") }
}
