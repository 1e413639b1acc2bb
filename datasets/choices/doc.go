// Package choices reads data that asks which caption belongs to a picture: SugarCrepe, Winoground and ARO, each in the layout that it is
// published in.
//
// [Find] lists the sets of a folder or file, [Open] reads one of them. A [Set] is a source of pictures. A sample is one or two of them
// with captions, of which the first belongs to the first picture and the second to the second.
package choices
